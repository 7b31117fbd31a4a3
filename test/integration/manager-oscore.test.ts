import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { CoapRequest, Route } from "../../coap/route.ts";
import type { Action } from "../../schemas/generated/types.ts";
import { issueKeys, soon, type TestKeys, type TestManager, TestPeer, testManager } from "./manager-harness.ts";

const secure = { insecure: false, poll: "10", report: "10" };
const operator = { kind: "operator", id: "test" } as const;

/** A node that answers its manager and nobody else, and keeps what it was told. */
class SecureNode {
  readonly actions: Action[] = [];
  readonly askers: string[] = [];
  peer: TestPeer | undefined;

  routes(): Route[] {
    const isManager = (request: CoapRequest): boolean => {
      const { identity } = request.peer;
      this.askers.push(identity.kind === "none" ? "nobody" : identity.id);
      return identity.kind !== "none" && identity.id === "manager";
    };
    return [
      {
        method: "GET",
        path: "/health",
        replay: "again",
        observable: true,
        answer: (request, reply) => {
          if (!isManager(request)) {
            reply.code = 0x81;
            return;
          }
          reply.payload = new TextEncoder().encode('{"status":"healthy"}');
          reply.contentFormat = 50;
          reply.maxAge = 60;
        },
      },
      {
        method: "PUT",
        path: "/update",
        replay: "again",
        answer: (request, reply) => {
          if (!isManager(request)) reply.code = 0x81;
          else this.actions.push(JSON.parse(new TextDecoder().decode(request.payload)) as Action);
        },
      },
    ];
  }

  static async start(manager: TestManager, keys: TestKeys): Promise<SecureNode & { readonly peer: TestPeer }> {
    const node = new SecureNode();
    node.peer = await TestPeer.start(manager.coapPort, node.routes(), keys);
    return node as SecureNode & { readonly peer: TestPeer };
  }
}

describe("a manager without --insecure", () => {
  let manager: TestManager;
  let porch: SecureNode & { readonly peer: TestPeer };
  let open: TestPeer;
  const observing: string[] = [];
  beforeAll(async () => {
    manager = await testManager({ flags: { ...secure, unsignedUpdates: true } });
    manager.app.events.subscribe((event) => {
      if (event.kind === "observing" && event.isObserving) observing.push(event.node);
    });
    porch = await SecureNode.start(manager, await issueKeys(manager, "porch"));
    open = await TestPeer.start(manager.coapPort);
  });
  afterAll(async () => {
    await porch.peer.end();
    await open.end();
    await manager.end();
  });

  test("answers discovery in the clear, and nothing else: 4.01 for every other resource", async () => {
    expect((await open.ask("GET", "/.well-known/core?rt=coxswain.manager")).text).toContain("</register>");
    const others = [
      ["POST", "/register"],
      ["GET", "/environment?ep=porch"],
      ["POST", "/status?ep=porch"],
      ["GET", "/status?ep=porch"],
      ["POST", "/rd?ep=porch"],
      ["GET", "/rd-lookup/ep"],
      ["GET", "/updates?ep=porch"],
      ["GET", "/nodes"],
      ["GET", "/nodes/porch/health?ep=porch"],
      ["GET", "/nodes/porch/proxy/health"],
      ["GET", "/alerts"],
      ["GET", "/system/config"],
      ["POST", "/system/shutdown"],
      ["GET", `/artifacts/${"0".repeat(64)}?ep=porch`],
    ] as const;
    for (const [method, target] of others) {
      const isRegister = target === "/register";
      const body = isRegister ? '{"id":"porch"}' : undefined;
      const format = isRegister ? 50 : target.startsWith("/rd?") ? 40 : undefined;
      expect((await open.ask(method, target, body, format)).code, `${method} ${target}`).toBe("4.01");
    }
    expect(manager.app.registry.isRegistered("porch")).toBe(false);
  });

  test("knows a node by its keys: it registers, reads its environment, beats, and is observed on its own path", async () => {
    const registered = await porch.peer.register({ id: "porch", model: "sensor-board" });
    expect(registered.code).toBe("2.01");
    expect(await manager.app.registry.find("porch")).toMatchObject({ identity: "credential" });
    const environment = (await porch.peer.ask("GET", "/environment")).json as { mqtt: Record<string, unknown> };
    expect(environment.mqtt).toMatchObject({ user: "porch", password: expect.stringMatching(/.{20}/) });
    expect((await porch.peer.ask("POST", "/status?r=0", '{"status":"healthy"}', 50)).code).toBe("2.04");
    await soon(
      () => observing,
      (nodes) => nodes.includes("porch"),
    );
    expect(porch.askers).toContain("manager");
    expect(porch.askers).not.toContain("nobody");
    expect(await manager.app.credentials.list("porch")).toEqual([expect.objectContaining({ state: "active" })]);
  });

  test("tells a node what to do with the node's own keys, secrets too", async () => {
    await manager.app.environments.change({ wifi: [{ ssid: "home", password: "sesame-street" }] }, operator);
    const action = await soon(
      () => porch.actions.find(({ kind }) => kind === "environment"),
      (each) => each !== undefined,
    );
    expect(JSON.stringify(action)).toContain("sesame-street");
  });

  test("serves an image block-wise over OSCORE, to the node that it is for", async () => {
    const image = new Uint8Array(20_000).map((_, at) => (at * 31) % 251);
    const { digest } = await manager.app.artifacts.store(
      (async function* () {
        yield image;
      })(),
    );
    const path = `/artifacts/${digest.slice("sha256:".length)}`;
    const answer = await porch.peer.ask("GET", path, undefined, undefined, { blockSize: 512 });
    expect([answer.code, answer.response.payload.length]).toEqual(["2.05", image.length]);
    expect(Buffer.compare(answer.response.payload, image)).toBe(0);
  });

  test("refuses with 4.03 whatever names another node in the query, the path or the body, and records it once", async () => {
    const other = (await SecureNode.start(manager, await issueKeys(manager, "garden"))).peer;
    await other.register({ id: "garden" });
    const tries = [
      ["POST", "/register", '{"id":"porch"}'],
      ["POST", "/register", '{"id":"cellar"}'],
      ["POST", "/status?ep=porch", undefined],
      ["POST", "/status", '{"id":"porch","status":"healthy"}'],
      ["GET", "/environment?ep=porch", undefined],
      ["PUT", "/nodes/porch/health", '{"status":"unhealthy"}'],
      ["PUT", "/nodes/garden/health", '{"id":"porch","status":"unhealthy"}'],
      ["GET", "/nodes/porch/health", undefined],
      ["GET", "/nodes/porch", undefined],
      ["GET", "/nodes/porch/logs", undefined],
      ["POST", "/nodes/porch/logs", "mine"],
      ["GET", "/nodes", undefined],
      ["POST", "/nodes/porch/commands", '{"command":"restart"}'],
      ["GET", "/nodes/porch/proxy/health", undefined],
      ["GET", "/system/config", undefined],
      ["POST", "/rd?ep=porch", undefined],
    ] as const;
    for (const [method, target, body] of tries) {
      const format = target.startsWith("/rd") ? 40 : target.endsWith("logs") ? 0 : body === undefined ? undefined : 50;
      expect((await other.ask(method, target, body, format)).code, `${method} ${target}`).toBe("4.03");
    }
    expect(manager.app.health.latest("porch")?.value.status).toBe("healthy");
    const entries = await soon(
      async () => (await manager.app.timeline.list("garden")).filter(({ what }) => what === "claimed-another"),
      (each) => each.length > 0,
    );
    expect(entries).toHaveLength(1);
    expect(manager.app.credentials.counters().otherIdentities).toBeGreaterThan(5);
    await other.end();
  });

  test("counts what OSCORE refuses, by reason: keys that it never made are 4.01", async () => {
    const strange: TestKeys = { masterSecret: "00".repeat(16), masterSalt: "", senderId: "deadbeef", recipientId: "" };
    const stranger = await TestPeer.start(manager.coapPort, [], strange);
    const outcome = await stranger.ask("GET", "/environment").then(
      ({ code }) => code,
      (error: { code: string }) => error.code,
    );
    expect(outcome).toMatch(/4\.01|coap\./);
    await stranger.end();
    const token = readFileSync(`${manager.folder}/admin-token`, "utf8").trim();
    const page = await fetch(`${manager.urls.http}/metrics`, { headers: { authorization: `Bearer ${token}` } });
    expect(await page.text()).toMatch(/^coxswain_coap_oscore_total\{event="contextNotFound"\} [1-9]/m);
  });

  test("revoking ends everything at the next datagram: requests, observations both ways, and the account at the broker", async () => {
    const keys = await issueKeys(manager, "cellar");
    const node = await SecureNode.start(manager, keys);
    await node.peer.register({ id: "cellar" });
    const seen: string[] = [];
    node.peer.endpoint.observe(
      { to: node.peer.to, path: ["updates"] },
      { notification: (response) => void seen.push(`${response.code}`), ended: (reason) => void seen.push(reason) },
    );
    await soon(
      () => seen.length,
      (count) => count > 0,
    );
    await node.peer.ask("GET", "/environment");
    expect(await manager.app.credentials.revoke("cellar", operator)).toBe("revoked");
    const outcome = await node.peer.ask("POST", "/status?r=0").then(
      ({ code }) => code,
      (error: { code: string }) => error.code,
    );
    expect(outcome).toMatch(/4\.01|coap\./);
    expect(manager.app.environments.settings()).toBeDefined();
    const now = await manager.app.statusNow.ask(["cellar"], { deadlineMs: 500 });
    expect(JSON.stringify(now)).toContain("cellar");
    expect(node.askers.filter((each) => each === "nobody")).toEqual([]);
    await node.peer.end();
    const again = await SecureNode.start(manager, await issueKeys(manager, "cellar"));
    expect((await again.peer.register({ id: "cellar" })).code).toBe("2.04");
    await again.peer.end();
  });

  test("new keys are taken while the old ones still work, and the old ones end with their first use", async () => {
    const before = await SecureNode.start(manager, await issueKeys(manager, "attic"));
    await before.peer.register({ id: "attic" });
    const after = await SecureNode.start(manager, await issueKeys(manager, "attic"));
    expect((await before.peer.ask("POST", "/status?r=0")).code).toBe("2.04");
    expect((await after.peer.ask("POST", "/status?r=0")).code).toBe("2.04");
    const outcome = await before.peer.ask("POST", "/status?r=0").then(
      ({ code }) => code,
      (error: { code: string }) => error.code,
    );
    expect(outcome).toMatch(/4\.01|coap\./);
    expect((await after.peer.ask("POST", "/status?r=0")).code).toBe("2.04");
    await before.peer.end();
    await after.peer.end();
  });
});

test("after a restart of the manager a node goes on with its keys: one Echo, then as before", async () => {
  const flags = { ...secure };
  const first = await testManager({ flags });
  const keys = await issueKeys(first, "porch");
  const port = String(first.coapPort);
  const node = await SecureNode.start(first, keys);
  await node.peer.register({ id: "porch" });
  await first.end({ keepsFolder: true });
  const second = await testManager({ flags: { ...flags, "coap.port": port }, folder: first.folder });
  const asked = node.askers.length;
  expect((await node.peer.ask("POST", "/status?r=0", '{"status":"healthy"}', 50)).code).toBe("2.04");
  expect((await node.peer.ask("POST", "/status?r=0")).code).toBe("2.04");
  await soon(
    () => node.askers.length,
    (count) => count > asked,
  );
  expect(node.askers).not.toContain("nobody");
  await node.peer.end();
  await second.end();
});
