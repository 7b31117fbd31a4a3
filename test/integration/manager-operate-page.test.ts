import { execFile, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { TestPeer } from "./manager-harness.ts";

const root = join(import.meta.dirname, "../..");
const page = readFileSync(join(root, "docs/operate.md"), "utf8");
const commands = [...page.matchAll(/```sh\n([^`]+)\n```/g)].map((match) => match[1] ?? "");
const folder = mkdtempSync(join(tmpdir(), "coxswain-page-"));

interface Urls {
  readonly http: string;
  readonly coap: string;
  readonly mqtt: string;
}
let urls: Urls;
let node: TestPeer;
let stop: () => Promise<unknown>;

/** The page's command line, with this checkout's program and the ports of this test. */
function words(command: string): readonly string[] {
  const program = `${process.execPath} ${join(root, "manager/cli/coxswain.ts")}`;
  const port = (url: string) => new URL(url).port;
  const own = command.replace(/^coxswain/, program);
  const here =
    urls === undefined ? own : own.replace(":8683", `:${port(urls.http)}`).replace("-p 1883", `-p ${port(urls.mqtt)}`);
  return [...here.matchAll(/'([^']*)'|(\S+)/g)].map((match) => match[1] ?? match[2] ?? "");
}

beforeAll(async () => {
  const [start = ""] = commands;
  expect(start).toContain("coxswain start --insecure");
  const ports = [
    "--coap-port",
    "0",
    "--http-port",
    "0",
    "--mqtt-port",
    "0",
    "--no-mdns",
    "--mqtt-observer-password",
    "sesame",
  ];
  const [program = "", ...args] = words(start);
  const child = spawn(program, [...args, ...ports, "--json"], { cwd: folder });
  const ended = new Promise((resolve) => child.on("close", resolve));
  urls = JSON.parse(
    await new Promise<string>((resolve) => child.stdout.once("data", (chunk) => resolve(String(chunk)))),
  ) as Urls;
  stop = () => {
    child.kill("SIGTERM");
    return ended;
  };
  node = await TestPeer.start(Number(new URL(urls.coap).port));
  await node.register({ id: "porch", model: "sensor-board" });
  writeFileSync(join(folder, "image.bin"), Buffer.alloc(10_000, "image"));
});
afterAll(async () => {
  await node.end();
  expect(await stop()).toBe(0);
  rmSync(folder, { recursive: true, force: true });
});

test("the page has its commands", () => {
  expect(commands.length).toBeGreaterThan(9);
});

// curl ends with 28 and mosquitto_sub with 27 when their time is over, which is how they are called.
test.each(commands.slice(1))("%s", async (command) => {
  const [program = "", ...args] = words(command);
  const environment = { ...process.env, COXSWAIN_URL: urls.http };
  const { code, out } = await new Promise<{ code: number; out: string }>((resolve) => {
    execFile(program, args, { cwd: folder, env: environment, timeout: 20_000 }, (error, stdout) => {
      resolve({ code: typeof error?.code === "number" ? error.code : 0, out: stdout });
    });
  });
  expect([0, 27, 28]).toContain(code);
  expect(out.length).toBeGreaterThan(0);
});
