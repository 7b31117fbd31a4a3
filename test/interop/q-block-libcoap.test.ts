import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Code } from "../../coap/message.ts";
import { createEndpoint } from "../../coap/package/create-endpoint.ts";
import { freePort } from "./free-port.ts";
import { until } from "./peers/peer-suite.ts";

/**
 * Folder with a `coap-client` and a `coap-server` that know Q-Block. Debian's don't: 4.3.1 is older than it. To make them, in libcoap's
 * source: `cmake -B b -DENABLE_Q_BLOCK=ON -DENABLE_DTLS=OFF -DENABLE_DOCS=OFF && make -C b`, then `LIBCOAP_Q_BLOCK=.../b`.
 */
const programs = process.env["LIBCOAP_Q_BLOCK"];
/** COAP_BLOCK_USE_LIBCOAP and COAP_BLOCK_TRY_Q_BLOCK; for the server also COAP_BLOCK_SINGLE_BODY. */
const flags = { client: "5", server: "7" };

describe.runIf(programs !== undefined)("libcoap with Q-Block", () => {
  const folder = mkdtempSync(join(tmpdir(), "coap-q-block-"));
  const body = Buffer.from(Array.from({ length: 30_000 }, (_, i) => (i * 31 + (i >> 8)) & 0xff));
  const file = join(folder, "body");
  const endpoint = createEndpoint({ qBlock: "proven" });
  let stored = new Uint8Array(0);
  let program: ChildProcess | undefined;

  beforeAll(async () => {
    writeFileSync(file, body);
    endpoint.route({
      method: "PUT",
      path: "/store",
      replay: "once",
      answer(request) {
        stored = request.payload.slice();
      },
    });
    endpoint.route({
      method: "GET",
      path: "/store",
      replay: "again",
      answer(_request, reply) {
        reply.payload = stored;
      },
    });
    await endpoint.start();
  });
  afterAll(async () => {
    program?.kill();
    await endpoint.stop();
    rmSync(folder, { recursive: true });
  });

  /** What coap-client sent and got, as it logs it. */
  function client(...more: string[]): Promise<string> {
    const url = `coap://127.0.0.1:${endpoint.address().port}/store`;
    const args = ["-v", "7", "-L", flags.client, "-N", "-b", "1024", ...more, url];
    return new Promise((resolve, reject) => {
      execFile(
        join(programs!, "coap-client"),
        args,
        { maxBuffer: 1 << 26, timeout: 60_000 },
        (error, stdout, stderr) => {
          if (error === null) resolve(stdout + stderr);
          else reject(error);
        },
      );
    });
  }

  it.each([
    ["", [] as string[]],
    [" with datagrams of its own lost", ["-l", "5,12"]],
  ])(
    "sends us a body by Q-Block1 and gets it by Q-Block2%s",
    async (_name, lost) => {
      stored = new Uint8Array(0);
      expect(await client("-m", "put", "-f", file, ...lost)).toContain("Q-Block1:29");
      expect(Buffer.from(stored).equals(body)).toBe(true);
      const out = join(folder, `out${lost.length}`);
      expect(await client("-o", out, ...lost)).toContain("Q-Block2:29");
      expect(readFileSync(out).equals(body)).toBe(true);
    },
    60_000,
  );

  it("takes a body of ours by Q-Block1 and gives it by Q-Block2; its own list comes block by block", async () => {
    const to = { address: "127.0.0.1", port: await freePort() };
    const args = ["-A", to.address, "-p", String(to.port), "-L", flags.server, "-d", "10", "-v", "7"];
    program = spawn(join(programs!, "coap-server"), args, { stdio: ["ignore", "pipe", "pipe"] });
    let log = "";
    for (const stream of [program.stdout!, program.stderr!]) stream.on("data", (chunk: Buffer) => (log += chunk));
    await until(async () => expect(await endpoint.ping(to)).toBe(true));
    const asked = { to, path: ["example_data"], qBlock: true };
    expect((await endpoint.request({ ...asked, method: "PUT", payload: body })).code).toBe(Code.created);
    const got = await endpoint.request({ ...asked, method: "GET" });
    expect(Buffer.from(got.payload).equals(body)).toBe(true);
    const list = await endpoint.request({ ...asked, method: "GET", path: [".well-known", "core"] });
    expect(new TextDecoder().decode(list.payload)).toContain("</time>");
    // What it logs stands in its buffer until it stops.
    program.kill();
    await until(async () => {
      expect(log).toContain("Q-Block1:29");
      expect(log).toContain("Q-Block2:29");
    });
  }, 60_000);
});
