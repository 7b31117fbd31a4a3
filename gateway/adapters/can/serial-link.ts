import { execFile } from "node:child_process";
import { close, constants, open, write } from "node:fs";
import { isatty, ReadStream } from "node:tty";
import { promisify } from "node:util";
import type { Clock, Timer } from "../../../kernel/clock.ts";
import type { ByteLink, ByteLinkEvents, OpenByteLink } from "./byte-link.ts";

const openFile = promisify(open);
const run = promisify(execFile);

/** Unwritten text beyond this is dropped with the line: an adapter that takes nothing for so long is stuck. */
const maxUnwritten = 65_536;
const fullPauseMs = 5;

export interface SerialLinkOptions {
  readonly path: string;
  /** Bits a second of the line; undefined: as it is, which is right for adapters that are USB devices themselves. */
  readonly speed?: number | undefined;
  readonly clock: Clock;
}

/**
 * A serial port or pty. It is opened without becoming the controlling terminal and without waiting; writing goes through a thread of
 * the pool onto a descriptor that never blocks, since a terminal's own stream would stop the whole program where the adapter takes nothing.
 */
export function serialLink({ path, speed, clock }: SerialLinkOptions): OpenByteLink {
  return async (events: ByteLinkEvents) => {
    const fd = await openFile(path, constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK).catch(
      (error: NodeJS.ErrnoException) => {
        throw new Error(notThere(path, error.code ?? error.message), { cause: error });
      },
    );
    if (!isatty(fd)) {
      close(fd);
      throw new Error(`${path} is no serial port.`);
    }
    try {
      if (speed !== undefined) await run("stty", ["-F", path, String(speed), "-crtscts", "clocal"]);
    } catch (error) {
      close(fd);
      throw new Error(`The speed of ${path} can't be set to ${speed} with stty.`, { cause: error });
    }
    return new SerialLine(fd, path, events, clock);
  };
}

function notThere(path: string, code: string): string {
  if (code === "EACCES") return `${path} may not be opened: add this user to the group that owns it, often dialout.`;
  if (code === "ENOENT" || code === "ENXIO" || code === "ENODEV")
    return `There is no ${path}: plug the CAN adapter in.`;
  return `${path} can't be opened (${code}).`;
}

class SerialLine implements ByteLink {
  readonly #fd: number;
  readonly #path: string;
  readonly #stream: ReadStream;
  readonly #clock: Clock;
  readonly #events: ByteLinkEvents;
  #unwritten = Buffer.alloc(0);
  #isWriting: boolean = false;
  #isOver: boolean = false;
  #timer: Timer | undefined;

  constructor(fd: number, path: string, events: ByteLinkEvents, clock: Clock) {
    this.#fd = fd;
    this.#path = path;
    this.#events = events;
    this.#clock = clock;
    this.#stream = new ReadStream(fd);
    this.#stream.setRawMode(true);
    this.#stream.on("data", (bytes: Uint8Array) => {
      if (!this.#isOver) events.data(bytes);
    });
    this.#stream.on("error", (error: NodeJS.ErrnoException) => this.#lost(error.code ?? error.message));
    this.#stream.on("close", () => this.#lost("closed"));
    this.#stream.on("end", () => this.#lost("hung up"));
  }

  write(text: string): void {
    if (this.#isOver) return;
    if (this.#unwritten.length > maxUnwritten) {
      this.#lost("it takes nothing");
      return;
    }
    this.#unwritten = Buffer.concat([this.#unwritten, Buffer.from(text, "latin1")]);
    this.#flush();
  }

  close(): void {
    this.#isOver = true;
    this.#timer?.cancel();
    this.#stream.destroy();
  }

  #flush(): void {
    if (this.#isWriting || this.#isOver || this.#unwritten.length === 0) return;
    this.#isWriting = true;
    write(this.#fd, this.#unwritten, (error, written) => {
      this.#isWriting = false;
      if (this.#isOver) return;
      if (error?.code === "EAGAIN") {
        this.#isWriting = true;
        this.#timer = this.#clock.after(fullPauseMs, () => {
          this.#isWriting = false;
          this.#flush();
        });
      } else if (error) {
        this.#lost(error.code ?? error.message);
      } else {
        this.#unwritten = this.#unwritten.subarray(written);
        this.#flush();
      }
    });
  }

  #lost(reason: string): void {
    if (this.#isOver) return;
    this.close();
    this.#events.closed(`${this.#path} is gone (${reason}): plug the CAN adapter in again.`);
  }
}
