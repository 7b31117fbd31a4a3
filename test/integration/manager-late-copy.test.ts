import { createSocket, type Socket } from "node:dgram";
import { afterAll, beforeAll, expect, test } from "vitest";
import { issueKeys, soon, type TestManager, TestPeer, testManager } from "./manager-harness.ts";

/** Between a node and the manager: passes everything on, and keeps what the node sent. */
class Wire {
  readonly sent: Buffer[] = [];
  readonly #inside: Socket;
  readonly #outside: Socket;
  readonly #managerPort: number;
  #nodePort = 0;

  constructor(managerPort: number) {
    this.#managerPort = managerPort;
    this.#inside = createSocket("udp4");
    this.#outside = createSocket("udp4");
    this.#inside.on("message", (bytes, { port }) => {
      this.#nodePort = port;
      this.sent.push(bytes);
      this.#outside.send(bytes, managerPort, "127.0.0.1");
    });
    this.#outside.on("message", (bytes) => this.#inside.send(bytes, this.#nodePort, "127.0.0.1"));
  }

  async open(): Promise<number> {
    for (const socket of [this.#inside, this.#outside]) {
      await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
    }
    return this.#inside.address().port;
  }

  /** Once more, as the network may deliver it: from the node's address, or from somewhere. Resolves with the answer's code. */
  async again(bytes: Buffer, isFromElsewhere: boolean): Promise<string> {
    const answer = Promise.withResolvers<Buffer>();
    const socket = isFromElsewhere ? createSocket("udp4") : this.#outside;
    socket.once("message", answer.resolve);
    socket.send(bytes, this.#managerPort, "127.0.0.1");
    const code = (await answer.promise)[1]!;
    if (isFromElsewhere) socket.close();
    return `${code >> 5}.${String(code & 31).padStart(2, "0")}`;
  }

  close(): void {
    this.#inside.close();
    this.#outside.close();
  }
}

let manager: TestManager;
let wire: Wire;
let node: TestPeer;
beforeAll(async () => {
  manager = await testManager({ flags: { insecure: false, poll: "60", report: "30" } });
  wire = new Wire(manager.coapPort);
  node = await TestPeer.start(await wire.open(), [], await issueKeys(manager, "cellar"));
});
afterAll(async () => {
  await node.end();
  wire.close();
  await manager.end();
});

/** What the timeline says of registrations: on a slow machine something else about the node may come in meanwhile. */
const registrations = async (): Promise<string[]> => {
  const entries = await manager.app.timeline.list("cellar", { limit: 100 });
  return entries.map(({ what }) => what).filter((what) => what.startsWith("registered"));
};

test("a late copy of a registration changes nothing: not the manifest, not the path, not the timeline", async () => {
  const register = async (version: string): Promise<Buffer> => {
    expect((await node.register({ id: "cellar", model: "sensor", version })).code).toMatch(/^2\.0[14]$/);
    // The last: before it there may have been one that was asked for an Echo.
    return wire.sent.at(-1)!;
  };
  const first = await register("1.0.0");
  await register("2.0.0");
  const before = await soon(
    () => manager.app.registry.find("cellar"),
    (found) => found?.manifest.version === "2.0.0",
  );
  expect(await registrations()).toEqual(["registered-again", "registered"]);
  const renumbered = Buffer.from(first);
  renumbered.writeUInt16BE((first.readUInt16BE(2) + 0x4000) & 0xffff, 2);
  // A retransmission gets the first answer's bytes; everything else is a replay.
  expect(await wire.again(first, false)).toBe("2.04");
  expect(await wire.again(renumbered, false)).toBe("4.01");
  expect(await wire.again(first, true)).toBe("4.01");
  const after = await manager.app.registry.find("cellar");
  expect(after?.manifest).toEqual(before?.manifest);
  expect(after?.path).toEqual(before?.path);
  expect(after?.registeredAtMs).toBe(before?.registeredAtMs);
  expect(await registrations()).toEqual(["registered-again", "registered"]);
});
