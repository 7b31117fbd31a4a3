import type { ManagerClient } from "./manager-client.ts";
import { printable } from "./printable.ts";

/** What every command gets from the program. */
export interface CommandContext {
  client(): ManagerClient;
  /** Output is one JSON document (or one a line where it streams), for programs. */
  isJson(): boolean;
}

/** Prints the result: as JSON for programs, else as the text for people. */
export function print(context: CommandContext, value: unknown, text: string): void {
  console.log(context.isJson() ? JSON.stringify(value) : printable(text));
}
