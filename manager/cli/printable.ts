/** Control characters, of the C1 set too, and those that change the direction of writing; no line feed. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it looks for
const unprintable = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/**
 * The text as it may go to a terminal. Much of what is shown was said by nodes and other operators, and a terminal takes orders in it: to
 * clear what stands there, to write something else, to put text into the clipboard.
 */
export function printable(text: string): string {
  return text.replace(unprintable, shown);
}

/** The same for what is one line or one cell: it makes no further lines, which would look like ours. */
export function printableLine(text: string): string {
  return printable(text).replaceAll("\n", "\\n");
}

function shown(character: string): string {
  if (character === "\t") return " ";
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
