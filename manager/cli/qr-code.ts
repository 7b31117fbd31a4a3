/** Of version 14 at level L, the largest code that has its place in a terminal of 80 columns: 73 modules and the quiet zone. */
const mostBytes = 458;
/** Light modules around the code. Four are asked for (ISO/IEC 18004); readers do with two, and a terminal has no room. */
const quietZone = 2;

/**
 * The text as a QR code for a terminal: two modules a character, dark on light by colours of its own, whatever the terminal's are.
 * Undefined: it is longer than 458 bytes, and would be wider than 80 columns.
 */
export async function qrCode(text: string): Promise<string | undefined> {
  if (new TextEncoder().encode(text).length > mostBytes) return undefined;
  // Here, since hardly any command shows one.
  const { renderUnicodeCompact } = await import("uqr");
  const lines = renderUnicodeCompact(text, { ecc: "L", border: quietZone, boostEcc: false }).split("\n");
  return lines.map((line) => `\u001b[97;40m${line}\u001b[0m`).join("\n");
}
