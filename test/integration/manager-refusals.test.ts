import { createSocket } from "node:dgram";
import { createServer } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Fault } from "../../kernel/fault.ts";
import { type TestManager, TestPeer, testManager } from "./manager-harness.ts";

describe("a manager that was told nothing about security", () => {
  let manager: TestManager;
  let peer: TestPeer;
  beforeAll(async () => {
    manager = await testManager({ flags: { insecure: false, poll: "60", report: "30" } });
    peer = await TestPeer.start(manager.coapPort);
  });
  afterAll(async () => {
    await peer.end();
    await manager.end();
  });

  test("answers discovery on CoAP, and nothing else", async () => {
    const links = await peer.ask("GET", "/.well-known/core?rt=coxswain.manager");
    expect(links.code).toBe("2.05");
    expect(links.text).toContain('</register>;rt="coxswain.manager"');
  });

  test.each([
    ["POST", "/register", '{"id":"a"}', 50],
    ["POST", "/rd?ep=a", "</a>", 40],
    ["GET", "/rd-lookup/ep", undefined, undefined],
    ["GET", "/environment?ep=a", undefined, undefined],
    ["POST", "/status?ep=a", undefined, undefined],
    ["GET", "/status?ep=a", undefined, undefined],
    ["GET", "/updates?as=operator", undefined, undefined],
    ["POST", "/updates", "{}", 50],
    ["POST", "/updates/u/install?ep=a", undefined, undefined],
    ["GET", "/updates/u/status", undefined, undefined],
    ["GET", "/nodes", undefined, undefined],
    ["GET", "/nodes/a", undefined, undefined],
    ["DELETE", "/nodes/a", undefined, undefined],
    ["GET", "/nodes/a/health", undefined, undefined],
    ["PUT", "/nodes/a/health", '{"status":"healthy"}', 50],
    ["POST", "/nodes/a/telemetry", "[]", 110],
    ["PUT", "/nodes/a/mode", '{"mode":"operational"}', 50],
    ["POST", "/nodes/a/commands", '{"command":"restart"}', 50],
    ["GET", "/nodes/a/proxy/health", undefined, undefined],
    ["GET", "/alerts", undefined, undefined],
    ["POST", "/system/shutdown", undefined, undefined],
    ["GET", "/system/config", undefined, undefined],
  ] as const)("%s %s is 4.01", async (method, target, body, format) => {
    const answer = await peer.ask(method, target, body, format);
    expect(answer.code === "4.01" || (answer.code === "4.00" && target === "/updates")).toBe(true);
  });

  test("artifacts too", async () => {
    expect((await peer.ask("GET", `/artifacts/${"0".repeat(64)}`)).code).toBe("4.01");
  });

  test("has no aliases of early device code", async () => {
    expect((await peer.ask("PUT", "/device/register", '{"id":"a"}')).code).toBe("4.04");
    expect((await peer.ask("GET", "/device/heartbeat")).code).toBe("4.04");
  });

  test("refuses every path of HTTP that tells something with 401 and says what to do", async () => {
    for (const path of ["/metrics", "/api/v1/nodes", "/api/v1/events", "/u/0000000000000000", "/nowhere"]) {
      const response = await fetch(manager.urls.http + path);
      expect(response.status).toBe(401);
      expect(await response.json()).toMatchObject({
        error: { code: "not-authorised", next: expect.stringContaining("coxswain sign-in") },
      });
    }
  });
});

describe("what a node may get wrong", () => {
  let manager: TestManager;
  let peer: TestPeer;
  beforeAll(async () => {
    manager = await testManager();
    peer = await TestPeer.start(manager.coapPort);
    await peer.register({ id: "esp-1", model: "sensor" });
    await peer.register({ id: "esp-2", model: "sensor" });
  });
  afterAll(async () => {
    await peer.end();
    await manager.end();
  });

  test.each([
    ["an id with capitals", '{"id":"ESP-1"}', "/id"],
    ["a reserved id", '{"id":"fleet"}', "/id"],
    ["an id that is too long", `{"id":"${"a".repeat(64)}"}`, "/id"],
    ["no id", '{"caps":[]}', "/id"],
    ["no JSON", '{"id":', "must be JSON"],
    ["an array", "[]", ""],
    ["too many capabilities", `{"id":"a","caps":${JSON.stringify(Array(33).fill("x"))}}`, "/caps"],
  ])("a manifest with %s is 4.00 and names the rule", async (_name, body, rule) => {
    const answer = await peer.ask("POST", "/register", body, 50);
    expect(answer.code).toBe("4.00");
    expect(answer.text).toContain(rule);
  });

  test("a manifest in an unknown format is 4.15, an answer in one 4.06", async () => {
    expect((await peer.ask("POST", "/register", "<id/>", 41)).code).toBe("4.15");
    expect((await peer.ask("POST", "/register", '{"id":"esp-1"}', 50, { accept: 41 })).code).toBe("4.06");
    expect((await peer.ask("GET", "/environment?ep=esp-1", undefined, undefined, { accept: 0 })).code).toBe("4.06");
  });

  test("a body over the limit is 4.13", async () => {
    const large = JSON.stringify({ id: "esp-1", tags: ["x".repeat(9000)] });
    expect((await peer.ask("POST", "/register", large, 50)).code).toBe("4.13");
    const report = JSON.stringify({ status: "healthy", resetReason: "x".repeat(3000) });
    expect((await peer.ask("POST", "/status?ep=esp-1", report, 50)).code).toBe("4.13");
  });

  test("a lifetime that is none is 4.00", async () => {
    for (const lt of ["0", "-1", "soon", "1e9", "99999999999"]) {
      expect((await peer.ask("POST", `/register?lt=${lt}`, '{"id":"esp-1"}', 50)).code).toBe("4.00");
    }
  });

  test("body and ep that disagree are 4.03", async () => {
    expect((await peer.ask("POST", "/register?ep=esp-2", '{"id":"esp-1"}', 50)).code).toBe("4.03");
    expect((await peer.ask("POST", "/status?ep=esp-2", '{"id":"esp-1"}', 50)).code).toBe("4.03");
    expect((await peer.ask("PUT", "/nodes/esp-1/health?ep=esp-2", '{"status":"healthy"}', 50)).code).toBe("4.03");
    expect((await peer.ask("PUT", "/nodes/esp-1/health", '{"status":"healthy","id":"esp-2"}', 50)).code).toBe("4.03");
    expect((await peer.ask("GET", "/nodes/esp-1/health?ep=esp-2")).code).toBe("4.03");
  });

  test("without an id /status, /environment and /updates are 4.00", async () => {
    for (const [method, path] of [
      ["POST", "/status"],
      ["GET", "/status"],
      ["GET", "/environment"],
      ["GET", "/updates"],
    ] as const) {
      expect((await peer.ask(method, path)).words).toContain("4.00 say which node asks");
    }
  });

  test("who isn't registered is told so with 4.04", async () => {
    for (const [method, target, body, format] of [
      ["POST", "/status?ep=ghost", undefined, undefined],
      ["GET", "/status?ep=ghost", undefined, undefined],
      ["GET", "/environment?ep=ghost", undefined, undefined],
      ["GET", "/updates?ep=ghost", undefined, undefined],
      ["GET", "/nodes/ghost", undefined, undefined],
      ["DELETE", "/nodes/ghost", undefined, undefined],
      ["GET", "/nodes/ghost/health", undefined, undefined],
      ["PUT", "/nodes/ghost/health", '{"status":"healthy"}', 50],
      ["GET", "/nodes/ghost/logs", undefined, undefined],
      ["POST", "/nodes/ghost/telemetry", '[{"n":"t","v":1}]', 110],
      ["PUT", "/nodes/ghost/mode", '{"mode":"operational"}', 50],
      ["POST", "/nodes/ghost/commands", '{"command":"restart"}', 50],
      ["GET", "/nodes/ghost/proxy/health", undefined, undefined],
      ["POST", "/rd/ghost", undefined, undefined],
      ["DELETE", "/rd/ghost", undefined, undefined],
    ] as const) {
      expect([target, (await peer.ask(method, target, body, format)).code]).toEqual([target, "4.04"]);
    }
  });

  test("a bad rev, a bad page and a bad command are 4.00", async () => {
    expect((await peer.ask("POST", "/status?ep=esp-1&r=x")).code).toBe("4.00");
    expect((await peer.ask("POST", "/status?ep=esp-1&r=4294967296")).code).toBe("4.00");
    expect((await peer.ask("GET", "/nodes?page=-1")).code).toBe("4.00");
    expect((await peer.ask("GET", "/nodes?count=100000")).code).toBe("4.00");
    expect((await peer.ask("POST", "/nodes/esp-1/commands", '{"command":"explode"}', 50)).code).toBe("4.00");
  });

  test("boot-previous needs a signed authorisation, which there isn't", async () => {
    expect((await peer.ask("POST", "/nodes/esp-1/commands", '{"command":"boot-previous"}', 50)).code).toBe("4.03");
  });

  test("a node is no operator", async () => {
    for (const [method, target] of [
      ["GET", "/nodes?ep=esp-1"],
      ["GET", "/alerts?ep=esp-1"],
      ["POST", "/system/shutdown?ep=esp-1"],
      ["DELETE", "/nodes/esp-2?ep=esp-1"],
    ] as const) {
      expect([target, (await peer.ask(method, target)).code]).toEqual([target, "4.03"]);
    }
  });

  test("a telemetry pack with one bad record is refused whole", async () => {
    const pack = '[{"n":"temp","v":21.5},{"n":"hum","v":"NaN"}]';
    const answer = await peer.ask("POST", "/nodes/esp-1/telemetry", pack, 110);
    expect(answer.words).toContain("4.00 bad body: record 1");
    expect((await peer.ask("POST", "/nodes/esp-1/telemetry", '{"temp":21}', 50)).code).toBe("4.15");
    expect(await manager.app.telemetry.latest("esp-1")).toEqual([]);
  });

  test("a child whose id isn't its gateway's, or whose gateway isn't there, is 4.03", async () => {
    expect((await peer.register({ id: "other.0a", parent: "esp-1" })).code).toBe("4.03");
    expect((await peer.register({ id: "gw.0a", parent: "gw" })).code).toBe("4.03");
    expect((await peer.register({ id: "esp-1.0a", parent: "esp-1" })).code).toBe("2.01");
    expect((await peer.ask("POST", "/status?ep=esp-1&child=esp-2.0a")).code).toBe("4.03");
    expect((await peer.ask("POST", "/status?ep=esp-1&child=esp-1.0a")).code).toBe("2.04");
  });

  test("methods that a resource doesn't have are 4.05, unknown paths 4.04", async () => {
    expect((await peer.ask("DELETE", "/alerts")).code).toBe("4.05");
    expect((await peer.ask("GET", "/register")).code).toBe("4.05");
    expect((await peer.ask("GET", "/nowhere")).code).toBe("4.04");
  });

  test("a restart that this manager can't do is 5.01", async () => {
    expect((await peer.ask("POST", "/system/restart")).code).toBe("5.01");
  });
});

describe("a manager that can't start", () => {
  const codeOf = async (starting: Promise<TestManager>): Promise<string> => {
    try {
      await (await starting).end();
      return "started";
    } catch (error) {
      let at: unknown = error;
      while (at instanceof Fault && at.cause instanceof Fault) at = at.cause;
      return at instanceof Fault ? `${at.code}: ${at.message}` : String(error);
    }
  };

  test.each(["http", "mqtt"] as const)(
    "because the %s port is taken says which, and leaves nothing behind",
    async (part) => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      const { port } = server.address() as { port: number };
      const flags = { [`${part}.port`]: String(port) };
      expect(await codeOf(testManager({ flags }))).toMatch(
        new RegExp(`^${part}.port-in-use: .*${port}.*--${part}-port`),
      );
      server.close();
    },
  );

  test("because the CoAP port is taken says which", async () => {
    const socket = createSocket("udp4");
    await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
    const { port } = socket.address();
    expect(await codeOf(testManager({ flags: { "coap.port": String(port) } }))).toContain(
      `coap.port-in-use: UDP port ${port}`,
    );
    socket.close();
  });

  test("because another manager has the data folder says so, and the other goes on", async () => {
    const first = await testManager();
    expect(await codeOf(testManager({ folder: first.folder }))).toContain("storage.in-use");
    const peer = await TestPeer.start(first.coapPort);
    expect((await peer.register({ id: "a" })).code).toBe("2.01");
    await peer.end();
    await first.end();
  });

  test("because the data folder can't be made says which", async () => {
    expect(await codeOf(testManager({ folder: "package.json/data" }))).toContain("manager.data-folder");
  });
});
