import { fileURLToPath } from "node:url";
import { LineProgram } from "./line-program.ts";

const program = fileURLToPath(new URL("bms_on_pty.py", import.meta.url));

/** V, A (+ charging), and bits; what is left out stays as it is. */
export interface BmsValues {
  readonly voltage?: number;
  readonly current?: number;
  readonly alarms?: number;
  readonly warnings?: number;
}

export type BmsFault = "silent" | "wrong-crc" | "wrong-slave" | "late" | "split" | "garbage";

/** A BMS that answers by Modbus RTU on a pseudo terminal. */
export class BmsOnPty {
  readonly #program: LineProgram;
  /** Path for the pack to open. */
  readonly device: string;

  private constructor(running: LineProgram, device: string) {
    this.#program = running;
    this.device = device;
  }

  /** Rejects when there is no Python. */
  static async start(name: string): Promise<BmsOnPty> {
    return new Promise((resolve, reject) => {
      const running: LineProgram = new LineProgram({
        ...{ name, command: "python3", args: [program] },
        told: (line) => resolve(new BmsOnPty(running, (JSON.parse(line) as { device: string }).device)),
      });
      void running.exitCode().then(() => reject(new Error(`${name} ended: ${running.errors.join("\n")}`)));
    });
  }

  set(values: BmsValues): void {
    this.#program.say(JSON.stringify(values));
  }

  /** How it answers from now on; null: well. */
  fail(fault: BmsFault | null): void {
    this.#program.say(JSON.stringify({ fault }));
  }

  async stop(): Promise<void> {
    await this.#program.stop();
  }
}
