import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** An answer as a peer's client saw it. */
export interface PeerAnswer {
  /** `2.05`, or `error` with what it said in `text`. */
  readonly code: string;
  readonly type: string;
  readonly contentFormat: number | undefined;
  readonly text: string;
}

/** A program with a CoAP server and a client that takes one line for each request; aiocoap_peer.py says which lines. */
export class SteeredPeer {
  port = 0;
  readonly #process: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  #errors = "";

  constructor(command: string, words: readonly string[]) {
    this.#process = spawn(command, words, { stdio: ["pipe", "pipe", "pipe"] });
    this.#process.stderr!.on("data", (chunk: Buffer) => {
      this.#errors += chunk.toString();
    });
    this.#lines = createInterface({ input: this.#process.stdout! })[Symbol.asyncIterator]();
  }

  async start(): Promise<void> {
    const [word, port] = (await this.#line()).split(" ");
    if (word !== "port") throw new Error(`The peer doesn't start: ${this.#errors}`);
    this.port = Number(port);
  }

  /** `parts` are `name=value`. As many answers as are asked for with `observe=N`, else one. */
  async ask(method: string, uri: string, ...parts: readonly string[]): Promise<PeerAnswer[]> {
    this.#process.stdin!.write(`${[method, uri, ...parts].join(" ")}\n`);
    const count = Number(parts.find((part) => part.startsWith("observe="))?.slice(8) ?? 1);
    const answers: PeerAnswer[] = [];
    while (answers.length < count) {
      const line = await this.#line();
      const [code = "", type = "", format = "-", hex = ""] = line.split(" ");
      if (code === "error") return [{ code, type: "", contentFormat: undefined, text: line }];
      const contentFormat = format === "-" ? undefined : Number(format);
      answers.push({ code, type, contentFormat, text: Buffer.from(hex, "hex").toString() });
    }
    return answers;
  }

  stop(): Promise<void> {
    if (this.#process.exitCode !== null) return Promise.resolve();
    const ended = new Promise<void>((resolve) => this.#process.once("exit", () => resolve()));
    this.#process.kill();
    return ended;
  }

  async #line(): Promise<string> {
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error(`The peer ended: ${this.#errors}`);
    return value;
  }
}
