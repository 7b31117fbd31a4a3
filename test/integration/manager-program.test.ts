import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { soon, TestPeer } from "./manager-harness.ts";

const cli = join(import.meta.dirname, "../../manager/cli/coxswain.ts");
const folder = mkdtempSync(join(tmpdir(), "coxswain-program-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

function run(
  args: readonly string[],
  environment: Record<string, string> = {},
): { child: ChildProcess; ended: Promise<Ended> } {
  const child = spawn(process.execPath, [cli, ...args], { cwd: folder, env: { ...process.env, ...environment } });
  let out = "";
  let err = "";
  child.stdout.on("data", (chunk) => (out += String(chunk)));
  child.stderr.on("data", (chunk) => (err += String(chunk)));
  return { child, ended: new Promise((resolve) => child.on("close", (code) => resolve({ code, out, err }))) };
}

const coxswain = (...args: string[]) => run(args).ended;
const anyPorts = ["--coap-port", "0", "--http-port", "0", "--mqtt-port", "0", "--no-mdns", "--no-discovery"];

describe("coxswain start", () => {
  test("says what is wrong with its settings, all at once, and ends with 2", async () => {
    const environment = { COXSWAIN_HTTP_PORT: "http" };
    const { code, err } = await run(["start", "--coap-port", "99999", "--root-topic", "a//b"], environment).ended;
    expect(code).toBe(2);
    expect(err).toContain("flag --coap-port");
    expect(err).toContain("environment variable COXSWAIN_HTTP_PORT");
    expect(err).toContain("flag --root-topic");
    expect(existsSync(join(folder, "data"))).toBe(false);
  });

  test("refuses an unknown flag, a missing settings file, and settings that exclude each other", async () => {
    expect((await coxswain("start", "--bogus")).err).toContain("--bogus");
    expect((await coxswain("start", "--config", "nowhere.json")).err).toContain("nowhere.json: can't be read (ENOENT)");
    expect((await coxswain("start", "--poll", "2", "--coap-host", "192.0.2.1")).err).toContain(
      "poll: 2 s is only for trying things out",
    );
  });

  test("explains every setting, and shows those in force without their secrets", async () => {
    const help = await coxswain("start", "--help");
    expect(help.code).toBe(0);
    for (const flag of ["--data-dir FOLDER", "--insecure", "--coap-port PORT", "--no-mdns", "--log-level"])
      expect(help.out).toContain(flag);
    writeFileSync(join(folder, "coxswain.json"), '{"poll": 120, "mqtt": {"observerPassword": "sesame-open-sesame"}}');
    const shown = await coxswain("start", "--print-settings");
    rmSync(join(folder, "coxswain.json"));
    expect(shown.out).toMatch(/poll +120 +\(file\)/);
    expect(shown.out).not.toContain("sesame");
  });

  test("says when it is ready, warns loudly when insecure, and ends with 0 at SIGTERM", async () => {
    const { child, ended } = run(["start", "--insecure", "--json", "--data-dir", "a", ...anyPorts]);
    const line = await new Promise<string>((resolve) => child.stdout?.once("data", (chunk) => resolve(String(chunk))));
    expect(JSON.parse(line)).toMatchObject({
      ready: true,
      isInsecure: true,
      coap: expect.stringMatching(/^coap:\/\/127\.0\.0\.1:\d+$/),
    });
    child.kill("SIGTERM");
    const { code, err } = await ended;
    expect(code).toBe(0);
    expect(err).toContain("INSECURE");
  });

  test("an operator restarts it on CoAP: it comes back on its ports with what it knew, and shuts it down by HTTP", async () => {
    const { child, ended } = run(["start", "--insecure", "--json", "--data-dir", "r", ...anyPorts]);
    const lines: string[] = [];
    child.stdout?.on("data", (chunk) => void lines.push(...String(chunk).trim().split("\n")));
    await soon(
      () => lines.length,
      (count) => count === 1,
    );
    const { coap, http } = JSON.parse(lines[0] ?? "") as { coap: string; http: string };
    const peer = await TestPeer.start(Number(new URL(coap).port));
    await peer.register({ id: "esp-1" });
    expect((await peer.ask("POST", "/system/restart")).code).toBe("2.04");
    await soon(
      () => lines.length,
      (count) => count === 2,
    );
    expect(lines[1]).toBe(lines[0]);
    expect((await peer.ask("POST", "/status?ep=esp-1")).code).toBe("2.04");
    await peer.end();
    expect((await fetch(`${http}/api/v1/system/shutdown`, { method: "POST" })).status).toBe(202);
    expect((await ended).code).toBe(0);
  });

  test("a second manager on the same data folder ends with 1 and says why", async () => {
    const first = run(["start", "--insecure", "--json", "--data-dir", "b", ...anyPorts]);
    await new Promise((resolve) => first.child.stdout?.once("data", resolve));
    const { code, err } = await coxswain("start", "--insecure", "--data-dir", "b", ...anyPorts);
    expect([code, err]).toEqual([1, expect.stringContaining("in use by another process")]);
    first.child.kill("SIGINT");
    expect((await first.ended).code).toBe(0);
  });

  test("a damaged database stops the start, is left as it is, and the message says what to do", async () => {
    const first = run(["start", "--insecure", "--json", "--data-dir", "c", ...anyPorts]);
    await new Promise((resolve) => first.child.stdout?.once("data", resolve));
    first.child.kill("SIGTERM");
    await first.ended;
    writeFileSync(join(folder, "c", "registry.db"), "no database at all".repeat(1000));
    const { code, err } = await coxswain("start", "--insecure", "--data-dir", "c", ...anyPorts);
    expect(code).toBe(1);
    expect(err).toContain("damaged");
    expect(err).toContain("Restore a backup");
  });
});

test("a command whose reader has enough ends without a word", async () => {
  const { child, ended } = run(["--help"]);
  child.stdout?.destroy();
  expect(await ended).toMatchObject({ code: 0, err: "" });
});

describe("the commands", () => {
  let manager: ReturnType<typeof run>;
  let urls: { http: string; coap: string };
  let node: TestPeer;
  const json = async (...args: string[]) => {
    const { code, out, err } = await coxswain(...args, "--json", "--url", urls.http);
    return {
      code,
      value: out === "" ? undefined : (JSON.parse(out) as never),
      error: err === "" ? undefined : (JSON.parse(err) as { error: { code: string } }),
    };
  };
  beforeAll(async () => {
    manager = run([
      "start",
      "--insecure",
      "--json",
      "--data-dir",
      "commands",
      "--poll",
      "2",
      "--report",
      "1",
      ...anyPorts,
    ]);
    urls = JSON.parse(
      await new Promise<string>((resolve) => manager.child.stdout?.once("data", (chunk) => resolve(String(chunk)))),
    ) as typeof urls;
    node = await TestPeer.start(Number(new URL(urls.coap).port));
    await node.register({ id: "esp-1", model: "sensor", version: "1.0.0" });
    writeFileSync(join(folder, "image.bin"), Buffer.alloc(100_000, "image"));
  });
  afterAll(async () => {
    await node.end();
    manager.child.kill("SIGTERM");
    await manager.ended;
  });

  test("without a manager they end with 3 and say how to start one", async () => {
    const { code, err } = await coxswain("nodes", "--url", "http://127.0.0.1:9");
    expect([code, err]).toEqual([3, expect.stringContaining("coxswain start")]);
  });

  test("wrong usage ends with 2, what the manager refuses with 1", async () => {
    expect((await coxswain("bogus")).code).toBe(2);
    expect(await json("nodes", "--bogus")).toMatchObject({
      code: 2,
      error: { error: { code: "usage", message: "unknown option '--bogus'" } },
    });
    expect((await coxswain("update", "create", "image.bin", "--url", urls.http)).code).toBe(2);
    expect((await coxswain("update", "start", "x", "--url", urls.http)).code).toBe(2);
    expect(await json("node", "show", "ghost")).toMatchObject({ code: 1, error: { error: { code: "unknown-node" } } });
    expect(
      (await json("update", "create", "nowhere.bin", "--model", "m", "--version", "1", "--sequence", "1")).code,
    ).toBe(1);
  });

  test("nodes, node show and status answer people and programs", async () => {
    expect((await coxswain("nodes", "--url", urls.http)).out).toMatch(/NODE +MODEL.*\nesp-1 +sensor/);
    expect((await json("nodes", "--model", "sensor")).value).toMatchObject({ nodes: [{ id: "esp-1" }] });
    expect((await json("nodes", "--after", "esp-1", "--all")).value).toEqual({ nodes: [] });
    expect((await json("node", "show", "esp-1")).value).toMatchObject({
      node: { id: "esp-1" },
      timeline: expect.anything(),
    });
    expect((await coxswain("status", "--url", urls.http)).out).toContain("1 node: 1 online");
  });

  test("update create uploads once, start offers it", async () => {
    const create = ["update", "create", "image.bin", "--model", "sensor", "--version", "2.0.0", "--sequence", "2"];
    expect((await json(...create)).value).toMatchObject({
      update: { id: "sensor-2.0.0", size: 100_000, model: "sensor" },
    });
    expect((await coxswain(...create, "--url", urls.http)).out).toContain("the manager had the image already");
    const started = await json("update", "start", "sensor-2.0.0", "--all");
    expect(started.value).toMatchObject({ kind: "started", nodes: [{ node: "esp-1", outcome: { kind: "offered" } }] });
    const refused = await json("update", "start", "sensor-2.0.0", "--node", "ghost");
    expect(refused.code).toBe(1);
    expect((await coxswain("update", "list", "--url", urls.http)).out).toContain("1 offered");
  });

  test("watch tells what happens, a line each", async () => {
    const watching = run(["watch", "--json", "--node", "esp-9", "--for", "20", "--url", urls.http]);
    const line = new Promise<string>((resolve) =>
      watching.child.stdout?.once("data", (chunk) => resolve(String(chunk))),
    );
    // It can't say from when on it listens, so something happens until it told of it.
    let isHeard = false;
    void line.then(() => {
      isHeard = true;
    });
    await soon(
      async () => {
        await node.register({ id: "esp-9" });
        await fetch(`${urls.http}/api/v1/nodes/esp-9`, { method: "DELETE" });
        return isHeard;
      },
      (heard) => heard,
    );
    expect(JSON.parse((await line).split("\n")[0] ?? "")).toMatchObject({ node: "esp-9" });
    watching.child.kill("SIGTERM");
    expect((await watching.ended).code).toBe(0);
  });

  test("watch tells people of a node's health when it changes, not at each report", async () => {
    const watching = run(["watch", "--node", "esp-1", "--for", "30", "--url", urls.http]);
    let told = "";
    watching.child.stdout?.on("data", (chunk) => {
      told += String(chunk);
    });
    const reported = async (status: string): Promise<void> => {
      const { code } = await node.ask("POST", "/status?ep=esp-1", JSON.stringify({ status }), 50);
      expect(code).toMatch(/^2/);
    };
    // It can't say from when on it listens.
    await soon(
      async () => {
        await reported("healthy");
        return told;
      },
      (text) => text.includes("esp-1 says it is healthy"),
    );
    await reported("healthy");
    await reported("degraded");
    await reported("healthy");
    await soon(
      () => told.match(/says it is \w+/g) ?? [],
      (lines) => lines.length >= 3,
    );
    expect(told.match(/says it is \w+/g)).toEqual(["says it is healthy", "says it is degraded", "says it is healthy"]);
    watching.child.kill("SIGTERM");
    await watching.ended;
  });
});
