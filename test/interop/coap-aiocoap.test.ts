import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Code } from "../../coap/message.ts";
import { freePort } from "./free-port.ts";
import { describePeer, machineEndpoint, until } from "./peers/peer-suite.ts";
import { SteeredPeer } from "./peers/steered-peer.ts";

const python = ".setup/peers/python/bin/python";
const isThere = existsSync(python);

describePeer("aiocoap", isThere, () => new SteeredPeer(python, ["test/interop/peers/aiocoap_peer.py"]));

describe.runIf(isThere)("aiocoap's file server", () => {
  it("gives our client its files and folders, and takes and removes files", async () => {
    const folder = mkdtempSync(join(tmpdir(), "coxswain-files-"));
    const file = join(folder, "poem.txt");
    const poem = "A line of a poem.\n".repeat(500);
    writeFileSync(file, poem);
    const port = await freePort();
    const words = ["-m", "aiocoap.cli.fileserver", "--write", "--bind", `127.0.0.1:${port}`, folder];
    const server = spawn(python, words, { stdio: "ignore" });
    const client = machineEndpoint();
    await client.start();
    try {
      const to = { address: "127.0.0.1", port };
      await until(async () =>
        expect((await client.request({ to, method: "GET", path: [""] })).code).toBe(Code.content),
      );
      const text = (payload: Uint8Array): string => new TextDecoder().decode(payload);
      const got = await client.request({ to, method: "GET", path: ["poem.txt"], blockSize: 128 });
      expect(text(got.payload)).toBe(poem);
      const known = { to, method: "GET", path: ["poem.txt"], options: [{ number: 4, value: got.etag! }] } as const;
      expect((await client.request(known)).code).toBe(Code.valid);
      const payload = new TextEncoder().encode(`${poem}One more.\n`);
      const ifMatch = [{ number: 1, value: got.etag! }];
      const put = { to, method: "PUT", path: ["poem.txt"], payload, blockSize: 256, options: ifMatch } as const;
      expect((await client.request(put)).code).toBe(Code.changed);
      expect(readFileSync(file, "utf8")).toBe(`${poem}One more.\n`);
      expect((await client.request(put)).code).toBe(Code.preconditionFailed);
      expect((await client.request({ to, method: "DELETE", path: ["poem.txt"] })).code).toBe(Code.deleted);
      expect(existsSync(file)).toBe(false);
    } finally {
      await client.stop();
      server.kill();
      rmSync(folder, { recursive: true });
    }
  });
});
