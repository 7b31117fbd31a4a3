import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildPackage, filesBelow } from "../../tools/build.ts";

/** A stranger's project: the packed package, unpacked where npm would put it, and nothing of this checkout. */
const folder = mkdtempSync(join(tmpdir(), "coxswain-package-"));
const installed = join(folder, "node_modules/coxswain");

const program = `
import { batchTransport, Code, createEndpoint, dgramTransport, silentLog } from "coxswain/coap";

const text = new TextEncoder();
const warnings: string[] = [];
const log = { ...silentLog, warn: (event: string) => warnings.push(event) };
const server = createEndpoint({ log });
let stored = text.encode("nothing");
server.route({
  method: "GET",
  path: "/store",
  replay: "again",
  observable: true,
  answer(_request, reply) {
    reply.payload = stored;
  },
});
server.route({
  method: "PUT",
  path: "/store",
  replay: "again",
  maxBody: 10_000,
  answer(request) {
    stored = request.payload.slice();
    server.notify("/store");
  },
});
await server.start();
const client = createEndpoint({ transport: dgramTransport({ address: "127.0.0.1", port: 0 }) });
await client.start();
const store = { to: server.address(), path: ["store"] };
const second = Promise.withResolvers<number>();
let heard = 0;
client.observe(store, {
  notification: ({ payload }) => {
    if (++heard === 1) void client.request({ ...store, method: "PUT", payload: new Uint8Array(5000) });
    else second.resolve(payload.length);
  },
  ended() {},
});
const length = await second.promise;
const got = await client.request({ ...store, method: "GET", blockSize: 64 });
console.log(JSON.stringify({ length, got: got.payload.length, isContent: got.code === Code.content, warnings }));
await client.stop();
await server.stop();
export type Transport = ReturnType<typeof batchTransport>;
`;

beforeAll(() => {
  const built = join(folder, "built");
  buildPackage(built);
  const [tarball] = execFileSync("npm", ["pack", "--silent", "--pack-destination", folder], {
    cwd: built,
    encoding: "utf8",
  }).split("\n");
  mkdirSync(installed, { recursive: true });
  execFileSync("tar", ["-xzf", join(folder, tarball!), "--strip-components=1", "-C", installed]);
  writeFileSync(join(folder, "package.json"), '{"type":"module","private":true}');
  writeFileSync(join(folder, "program.ts"), program);
  const examples = readFileSync(join(built, "README.md"), "utf8").matchAll(/```ts\n([\s\S]*?)```/g);
  const files = ["program.ts"];
  for (const [, example] of examples) {
    files.push(`example-${files.length}.ts`);
    writeFileSync(join(folder, files.at(-1)!), example!);
  }
  expect(files.length).toBeGreaterThan(5);
  const compilerOptions = { module: "nodenext", target: "es2024", strict: true, types: [], skipLibCheck: false };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files }));
}, 60_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Compiles what the stranger wrote and runs it outside of this checkout. */
function run(): { length: number; got: number; isContent: boolean; warnings: string[] } {
  const output = execFileSync(process.execPath, ["program.js"], { cwd: folder, encoding: "utf8", timeout: 30_000 });
  return JSON.parse(output);
}

describe("the packed package", () => {
  it("has its face's types, with which a strict compiler takes the examples too, and nothing else can be imported", () => {
    const { status, stdout } = spawnSync("node_modules/.bin/tsc", ["-p", folder], { encoding: "utf8" });
    expect(stdout).toBe("");
    expect(status).toBe(0);
    const other = ["--input-type=module", "-e", 'await import("coxswain/coap/endpoint.js")'];
    const refused = spawnSync(process.execPath, other, { cwd: folder, encoding: "utf8" });
    expect(refused.stderr).toContain("ERR_PACKAGE_PATH_NOT_EXPORTED");
  });

  it("runs a server and a client, over the addon it brings or, where there is none, over node:dgram", () => {
    const native = join(installed, "coap/native");
    const addons = readdirSync(native).filter((name) => name.endsWith(".node"));
    const right = { length: 5000, got: 5000, isContent: true };
    expect(run()).toEqual({ ...right, warnings: addons.length > 0 ? [] : ["coap-addon-missing"] });
    for (const name of addons) rmSync(join(native, name));
    expect(run()).toEqual({ ...right, warnings: ["coap-addon-missing"] });
    // Who gave no log hears it too: the first example of the README has none.
    const example = spawnSync(process.execPath, ["example-1.js"], { cwd: folder, encoding: "utf8", timeout: 30_000 });
    expect(example).toMatchObject({ status: 0, stdout: "listens at 127.0.0.1\n" });
    expect(example.stderr).toMatch(/\[coap-addon-missing\] CoapWarning: .*node:dgram.*build\.mjs/);
    const build = spawnSync(process.execPath, ["build.mjs"], { cwd: native, encoding: "utf8" });
    // Without a compiler, or with a Node that brings no headers, it says so and the package goes on without.
    if (build.status !== 0) expect(build.stderr).toMatch(/^No (headers of Node|C compiler)/);
    expect(run()).toEqual({ ...right, warnings: build.status === 0 ? [] : ["coap-addon-missing"] });
  });

  it("holds only what it needs: compiled files, declarations, the addon, a README, and no package of others", () => {
    const names = filesBelow(installed).map((file) => file.slice(installed.length + 1));
    const kinds = new Set(names.map((name) => /(\.d\.ts|\.[a-z]+)$/.exec(name)?.[0]));
    kinds.delete(".node");
    expect([...kinds].sort()).toEqual([".c", ".d.ts", ".h", ".js", ".json", ".md", ".mjs"]);
    expect(names.filter((name) => /test|bench/.test(name))).toEqual([]);
    const vendors = names
      .filter((name) => name.endsWith(".js"))
      .flatMap((name) => [
        ...readFileSync(join(installed, name), "utf8").matchAll(/^import[^;]*?from "([^."][^"]*)";/gms),
      ])
      .map(([, from]) => from!);
    expect(vendors.length).toBeGreaterThan(3);
    expect(vendors.filter((from) => !from.startsWith("node:"))).toEqual([]);
    expect(existsSync(join(installed, "kernel/system/system-log.js"))).toBe(false);
  });
});
