import { execFile, spawn } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { soon, type TestKeys, TestPeer } from "./manager-harness.ts";

const root = join(import.meta.dirname, "../..");
const page = readFileSync(join(root, "docs/operate.md"), "utf8");
const commands = [...page.matchAll(/```sh\n([^`]+)\n```/g)].map((match) => match[1] ?? "");
const folder = mkdtempSync(join(tmpdir(), "coxswain-page-"));
const programs = join(folder, "bin");

interface Urls {
  readonly http: string;
  readonly coap: string;
  readonly mqtt: string;
}
let urls: Urls;
let node: TestPeer | undefined;
let stop: () => Promise<unknown>;

/** The page's command with the ports of this test. */
function here(command: string): string {
  const port = (url: string) => new URL(url).port;
  return command.replace(":8683", `:${port(urls.http)}`).replace("-p 1883", `-p ${port(urls.mqtt)}`);
}

beforeAll(async () => {
  expect(commands[0]).toBe("coxswain start");
  mkdirSync(programs);
  // As if it were installed: the commands of the page run in a shell, word for word.
  const program = join(programs, "coxswain");
  writeFileSync(program, `#!/bin/sh\nexec "${process.execPath}" "${join(root, "manager/cli/coxswain.ts")}" "$@"\n`);
  chmodSync(program, 0o755);
  const ports = ["--coap-port", "0", "--http-port", "0", "--mqtt-port", "0"];
  const more = ["--no-mdns", "--json"];
  const child = spawn(program, ["start", ...ports, ...more], {
    cwd: folder,
    env: { ...process.env, COXSWAIN_MQTT_OBSERVER_PASSWORD: "sesame-open-sesame" },
  });
  const ended = new Promise((resolve) => child.on("close", resolve));
  urls = JSON.parse(
    await new Promise<string>((resolve) => child.stdout.once("data", (chunk) => resolve(String(chunk)))),
  ) as Urls;
  stop = () => {
    child.kill("SIGTERM");
    return ended;
  };
  writeFileSync(join(folder, "image.bin"), Buffer.alloc(10_000, "image"));
});
afterAll(async () => {
  await node?.end();
  expect(await stop()).toBe(0);
  rmSync(folder, { recursive: true, force: true });
});

test("the page has its commands", () => {
  expect(commands.length).toBeGreaterThan(12);
});

/** What stands between two commands of the page: the node is started with the keys that the operator just made. */
async function follow(command: string): Promise<void> {
  if (!/^coxswain node add .*porch/.test(command)) return;
  const file = JSON.parse(readFileSync(join(folder, "porch.credentials.json"), "utf8")) as { oscore: TestKeys };
  const peer = await TestPeer.start(Number(new URL(urls.coap).port), [], file.oscore);
  node = peer;
  await soon(
    () => peer.register({ id: "porch", model: "sensor-board" }),
    ({ code }) => code === "2.01" || code === "2.04",
  );
}

// curl ends with 28 and mosquitto_sub with 27 when their time is over, which is how they are called.
test.each(commands.slice(1))("%s", async (command) => {
  const environment = { ...process.env, COXSWAIN_URL: urls.http, PATH: `${programs}:${process.env["PATH"]}` };
  const { code, out, err } = await new Promise<{ code: number; out: string; err: string }>((resolve) => {
    const options = { cwd: folder, env: environment, timeout: 20_000 };
    execFile("sh", ["-c", here(command)], options, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === "number" ? error.code : 0, out: stdout, err: stderr });
    });
  });
  expect([0, 27, 28], err).toContain(code);
  expect(out.length).toBeGreaterThan(0);
  await follow(command);
});
