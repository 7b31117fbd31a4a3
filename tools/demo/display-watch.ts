import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";

const maintenanceWords = "Updating...";

/** Looks at the displays of nodes, as a person in front of them would: the host port draws them as text into its state folder. */
export class DisplayWatch {
  readonly #folder: string;
  readonly #first = new Map<string, number>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** True at the second look that finds `Updating...` alone, drawn before the first look and not since. */
  isFrozen(node: string): boolean {
    const path = join(this.#folder, node, "display");
    try {
      if (readFileSync(path, "utf8").trim() !== maintenanceWords) {
        this.#first.delete(node);
        return false;
      }
      const { mtimeMs } = statSync(path);
      const before = this.#first.get(node);
      this.#first.set(node, mtimeMs);
      return before === mtimeMs;
    } catch {
      return false;
    }
  }
}
