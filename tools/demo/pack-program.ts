import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { LineProgram } from "./line-program.ts";
import { firmware } from "./programs.ts";

export interface PackPlan {
  readonly name: string;
  /** 12 hexadecimal digits. */
  readonly hardware: string;
  /** As `--can` takes it. */
  readonly can: string;
  /** Path of the BMS's serial line; without it the pack has no BMS. */
  readonly bms?: string;
  /** Folder under which its own lies. */
  readonly folder: string;
  readonly flags?: readonly string[];
}

/** What its circuits carry, A. */
export interface BoardAmperes {
  readonly grid?: number;
  readonly home?: number;
  readonly pool?: number;
  readonly heater?: number;
}

export interface BoardState {
  readonly relays?: Readonly<Record<"grid" | "output" | "pump" | "heater", boolean>>;
  readonly lights?: Readonly<{ bar: string; digits: string; green: boolean; yellow: boolean; red: boolean }>;
}

/** A pack with its supervisor, as a program of this machine, and the board that it believes to have. */
export class PackProgram {
  readonly plan: PackPlan;
  /** Every line of its standard output since it was first started. */
  readonly events: string[] = [];
  readonly #now = new Map<string, string>();
  #program: LineProgram;
  #board: Socket | undefined;
  #amperes: BoardAmperes = {};
  #state: BoardState = {};

  constructor(plan: PackPlan) {
    this.plan = plan;
    this.#program = this.#start();
  }

  get stateFolder(): string {
    return join(this.plan.folder, this.plan.name);
  }

  get boardPath(): string {
    return join(this.plan.folder, `${this.plan.name}.board`);
  }

  get isRunning(): boolean {
    return this.#program.isRunning;
  }

  get pid(): number {
    return this.#program.pid;
  }

  /** Process of the image, which its supervisor watches. */
  get imagePid(): number | undefined {
    try {
      const children = readFileSync(`/proc/${this.pid}/task/${this.pid}/children`, "utf8").trim();
      return children === "" ? undefined : Number(children.split(" ")[0]);
    } catch {
      return undefined;
    }
  }

  get log(): readonly string[] {
    return this.#program.errors;
  }

  /** What the last line that began with this word said. */
  now(word: string): string | undefined {
    return this.#now.get(word);
  }

  get board(): BoardState {
    return this.#state;
  }

  /** What the circuits carry from now on; those left out stay. */
  carry(amperes: BoardAmperes): void {
    this.#amperes = { ...this.#amperes, ...amperes };
    this.#tellBoard({ amperes });
  }

  requestSocket(socket: number, on: boolean): void {
    this.#tellBoard({ socket, on });
  }

  signal(name: NodeJS.Signals): void {
    this.#program.signal(name);
  }

  /** As a loss of power. */
  async cut(): Promise<void> {
    await this.#program.cut();
    this.#left();
  }

  async stop(): Promise<void> {
    await this.#program.stop();
    this.#left();
  }

  startAgain(): void {
    this.#program = this.#start();
  }

  #start(): LineProgram {
    const { name, hardware, can, bms, flags = [] } = this.plan;
    return new LineProgram({
      ...{ name, command: firmware("cxpack") },
      args: [
        ...["--can", can, "--hardware", hardware, "--state", this.stateFolder, "--board", this.boardPath],
        ...(bms === undefined ? [] : ["--bms", bms]),
        ...flags,
      ],
      told: (line) => {
        this.events.push(line);
        const [word = ""] = line.split(" ", 1);
        this.#now.set(word, line.slice(word.length + 1));
        if (word === "boot") this.#join();
      },
    });
  }

  /** The image makes its board's socket before it says that it booted. */
  #join(): void {
    this.#board?.destroy();
    const board = connect({ path: this.boardPath });
    this.#board = board;
    let rest = "";
    board.setEncoding("utf8").on("error", () => {});
    board.on("data", (text) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) this.#state = { ...this.#state, ...(JSON.parse(line) as BoardState) };
    });
    this.#tellBoard({ amperes: this.#amperes });
  }

  #tellBoard(line: object): void {
    if (this.#board?.destroyed === false) this.#board.write(`${JSON.stringify(line)}\n`);
  }

  #left(): void {
    this.#board?.destroy();
    this.#board = undefined;
    this.#now.clear();
    this.#state = {};
  }
}
