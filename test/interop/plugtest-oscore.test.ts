import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { silentLog } from "../../kernel/log.ts";
import { startPlugtest } from "./plugtest/start-plugtest.ts";

const python = ".setup/peers/python/bin/python";
const program = ".setup/peers/python/source/contrib/oscore-plugtest/plugtest-client";
/** All but 16, which asks a server that knows no OSCORE at all. */
const tests = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 17];
const isThere = existsSync(program);
if (!isThere)
  console.warn("aiocoap is not set up (npm test says why when it sets up): its OSCORE plugtest is skipped.");

/** The client's halves of the contexts, as the program reads them. */
function writeContexts(folder: string): void {
  const secret = { secret_hex: "0102030405060708090a0b0c0d0e0f10", salt_hex: "9e7ca92223786340" };
  const ids = { "sender-id_hex": "", "recipient-id_hex": "01" };
  for (const [name, more] of Object.entries({ a: {}, c: { "id-context_hex": "37cbf3210017a2d3" } })) {
    mkdirSync(join(folder, name));
    writeFileSync(join(folder, name, "settings.json"), JSON.stringify({ ...secret, ...ids, ...more }));
  }
}

it.runIf(isThere)("the plugtest server passes aiocoap's OSCORE plugtest", async () => {
  const folder = mkdtempSync(join(tmpdir(), "coxswain-plugtest-"));
  const server = await startPlugtest({ addresses: ["127.0.0.1"], port: 0, log: silentLog });
  try {
    writeContexts(folder);
    const output = await new Promise<string>((resolve) => {
      const words = [program, `127.0.0.1:${server.coap[0]!.port}`, folder];
      const client = execFile(python, words, { timeout: 60_000 }, (_error, out, errors) => resolve(out + errors));
      client.stdin!.end(`${tests.join("\n")}\nq\n`);
    });
    const ran = output.split(/Running test (?=\d)/).slice(1);
    expect(ran.map((each) => Number.parseInt(each, 10))).toEqual(tests);
    for (const each of ran) {
      expect(each).toMatch(/passed/);
      expect(each).not.toMatch(/verify failed|^Failed|Test failed|Traceback|Dubious/m);
    }
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true });
  }
});
