import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { CoapEndpoint } from "../../coap/endpoint.ts";
import { loadAddon } from "../../coap/native/addon.ts";
import { dgramTransport } from "../../coap/transport/dgram.ts";
import { silentLog } from "../../kernel/log.ts";
import { systemClock } from "../../kernel/system/system-clock.ts";
import { systemEntropy } from "../../kernel/system/system-entropy.ts";

const program = fileURLToPath(new URL("coap-shared-port-program.ts", import.meta.url));
const children: ChildProcess[] = [];
afterEach(async () => {
  await Promise.all(children.splice(0).map(end));
});

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await ended;
}

async function serve(transport: string, port: number): Promise<{ child: ChildProcess; port: number }> {
  const child = spawn(process.execPath, [program, transport, String(port)], { stdio: ["ignore", "pipe", "inherit"] });
  children.push(child);
  const printed = await new Promise<string>((resolve, reject) => {
    let text = "";
    child.stdout?.on("data", (chunk: Buffer) => {
      text += chunk.toString();
      if (text.includes("\n")) resolve(text);
    });
    child.once("exit", (code) => reject(new Error(`the server ended with ${code}`)));
  });
  return { child, port: Number(/port (\d+)/.exec(printed)?.[1]) };
}

/** The process number that answers to a client of its own port, asked twice. */
async function asked(port: number): Promise<[string, string]> {
  const client = new CoapEndpoint({
    transport: dgramTransport({ address: "127.0.0.1", port: 0 }),
    clock: systemClock,
    entropy: systemEntropy,
    log: silentLog,
  });
  await client.start();
  try {
    const ask = async (): Promise<string> => {
      const { payload } = await client.request({ to: { address: "127.0.0.1", port }, method: "GET", path: ["who"] });
      return new TextDecoder().decode(payload);
    };
    return [await ask(), await ask()];
  } finally {
    await client.stop();
  }
}

const transports = loadAddon().isThere ? ["batch", "dgram"] : ["dgram"];

describe.skipIf(process.platform !== "linux").each(transports)("two processes on one port, by %s", (transport) => {
  it("serve each its peers, a peer always the same, and all of them when the other dies", async () => {
    const first = await serve(transport, 0);
    const second = await serve(transport, first.port);
    expect(second.port).toBe(first.port);
    const served = new Set<string>();
    // Two processes that share by chance leave one out of 64 peers in one of 2^63 runs.
    for (let peer = 0; peer < 64; peer++) {
      const [one, again] = await asked(first.port);
      expect(again).toBe(one);
      served.add(one);
    }
    expect(served).toEqual(new Set([first.child.pid, second.child.pid].map(String)));
    await end(first.child);
    for (let peer = 0; peer < 16; peer++) {
      expect(await asked(first.port)).toEqual([String(second.child.pid), String(second.child.pid)]);
    }
  });
});
