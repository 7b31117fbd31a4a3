import { mkdirSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { connect } from "node:net";
import { dirname } from "node:path";
import { defineFaults } from "../../../kernel/fault.ts";
import type { Log } from "../../../kernel/log.ts";

export const controlFaults = defineFaults({
  "gateway.control-in-use": {
    fault: "environment",
    message:
      "Another gateway runs with this data folder: it answers at {path}. Stop it, or give this one a folder of its own.",
  },
  "gateway.control-failed": {
    fault: "environment",
    message: "The gateway can't listen at {path} for its own commands ({reason}). A path may have 107 characters.",
  },
});

/** What a command is answered with. */
export interface ControlAnswer {
  readonly status: number;
  readonly body: unknown;
}

export interface ControlSocketOptions {
  /** In the data folder, which is its owner's alone. */
  readonly path: string;
  readonly log: Log;
  /** `POST /phones` with a body, for instance. */
  answer(method: string, path: string, body: unknown): Promise<ControlAnswer>;
}

const maxBodyBytes = 4096;

/**
 * Commands to the running gateway from its own machine: HTTP on a Unix socket in the data folder. Whoever may open it may read that folder, so nobody proves
 * anything here.
 */
export class ControlSocket {
  readonly #options: ControlSocketOptions;
  #server: Server | undefined;

  constructor(options: ControlSocketOptions) {
    this.#options = options;
  }

  /** Rejects with a Fault when another gateway answers there; what a killed one left behind is taken away. */
  async start(): Promise<void> {
    const { path } = this.#options;
    if (await answers(path)) throw controlFaults("gateway.control-in-use", { path });
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    rmSync(path, { force: true });
    const server = createServer((request, response) => void this.#serve(request, response));
    server.requestTimeout = 10_000;
    server.maxConnections = 16;
    const before = process.umask(0o177);
    try {
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        server.listen(path, () => resolve());
      });
    } catch (error) {
      throw controlFaults("gateway.control-failed", { path, reason: String(error) }, error);
    } finally {
      process.umask(before);
    }
    this.#server = server;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let answer: ControlAnswer;
    try {
      const body = await bodyOf(request);
      answer = await this.#options.answer(request.method ?? "GET", request.url ?? "/", body);
    } catch (error) {
      this.#options.log.error("control-failed", { error });
      answer = {
        status: 500,
        body: { error: { code: "failed", message: "The gateway couldn't do that; its log says why." } },
      };
    }
    const text = JSON.stringify(answer.body ?? null);
    response.writeHead(answer.status, { "content-type": "application/json" }).end(text);
  }
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBodyBytes) throw new Error(`a command of more than ${maxBodyBytes} bytes`);
    chunks.push(chunk);
  }
  if (size === 0) return undefined;
  try {
    return JSON.parse(Buffer.concat(chunks).toString()) as unknown;
  } catch {
    return undefined;
  }
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
