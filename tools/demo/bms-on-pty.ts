import { fileURLToPath } from "node:url";
import { LineProgram } from "./line-program.ts";

const ownProgram = fileURLToPath(new URL("bms_on_pty.py", import.meta.url));

/** V, A (+ charging), and bits; what is left out stays as it is. */
export interface BmsValues {
  readonly voltage?: number;
  readonly current?: number;
  readonly alarms?: number;
  readonly warnings?: number;
}

export type BmsFault = "silent" | "wrong-crc" | "wrong-slave" | "late" | "split" | "garbage" | "chatter";

export interface BmsPlan {
  readonly name: string;
  /** Another program that is spoken to in the same way, and what runs it. */
  readonly python?: string;
  readonly program?: string;
}

/** A BMS that answers by Modbus RTU on a pseudo terminal. */
export class BmsOnPty {
  readonly #program: LineProgram;
  /** Path for the pack to open. */
  readonly device: string;
  /** Whatever else it said, as objects. */
  readonly said: readonly object[];

  private constructor(running: LineProgram, device: string, said: readonly object[]) {
    this.#program = running;
    this.device = device;
    this.said = said;
  }

  /** Rejects when there is no Python. */
  static async start({ name, python = "python3", program = ownProgram }: BmsPlan): Promise<BmsOnPty> {
    return new Promise((resolve, reject) => {
      const said: object[] = [];
      const running: LineProgram = new LineProgram({
        ...{ name, command: python, args: [program] },
        told: (line) => {
          const object = JSON.parse(line) as { readonly device?: string };
          if (object.device === undefined) said.push(object);
          else resolve(new BmsOnPty(running, object.device, said));
        },
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
