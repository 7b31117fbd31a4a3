import { describe, expect, it } from "vitest";
import type { NodeWalk } from "../../manager/app/api/registry.ts";
import { childrenOfGateway } from "../../manager/app/node-registry.ts";
import { AppHarness, operator, settings } from "./app-harness.ts";

describe("a registration", () => {
  it("isn't answered when storage refuses it, and the node isn't registered", async () => {
    const h = await new AppHarness({ failsCommit: (n) => n === 1 }).start();
    await expect(h.register("n1")).rejects.toMatchObject({ code: "storage.disk-full" });
    expect(h.app.registry.isRegistered("n1")).toBe(false);
    expect(h.app.heartbeats.beat("n1", 0, undefined, undefined)).toEqual({ kind: "unknown-node" });
    expect((await h.register("n1")).kind).toBe("created");
  });

  it("that storage refuses leaves the one before as it was", async () => {
    let failing = false;
    const h = await new AppHarness({ failsCommit: () => failing }).start();
    await h.register("n1", { version: "1.0.0" });
    failing = true;
    await expect(h.register("n1", { version: "2.0.0" })).rejects.toMatchObject({ code: "storage.disk-full" });
    failing = false;
    expect((await h.wait(h.app.registry.find("n1")))?.manifest.version).toBe("1.0.0");
    expect(h.app.heartbeats.beat("n1", 0, undefined, undefined)).toEqual({ kind: "nothing" });
  });

  it("is answered only when it would survive: everything answered is there after a crash at that moment", async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const h = await new AppHarness({ seed, maxDelayMs: 30, limits: { nodes: 64 } }).start();
      const answered: string[] = [];
      for (let n = 0; n < 20; n++) {
        h.app.registry
          .register({
            manifest: { id: `n${n}` as never },
            path: { address: "127.0.0.1", port: 4000 + n, family: 4 },
            identity: "claimed",
            face: "register",
          })
          .then((outcome) => answered.push(outcome.kind === "refused" ? "" : outcome.node))
          .catch(() => undefined);
      }
      await h.clock.advance(seed * 20);
      const after = await h.crash();
      for (const node of answered) expect(after.app.registry.isRegistered(node), `seed ${seed}, ${node}`).toBe(true);
    }
  });

  it("of the same node is the same node: first created, then renewed, each done twice is as once", async () => {
    const h = await new AppHarness().start();
    const first = await h.register("n1");
    expect(first).toEqual({
      kind: "created",
      node: "n1",
      answer: { id: "n1", lifetime: 86_400, poll: 60, rev: 0 },
    });
    expect((await h.register("n1")).kind).toBe("renewed");
    expect((await h.register("n1")).kind).toBe("renewed");
    expect(h.app.registry.counts()).toMatchObject({ registered: 1, online: 1 });
    const view = await h.wait(h.app.registry.find("n1"));
    expect(view).toMatchObject({ id: "n1", presence: { state: "online" }, identity: "claimed", liveness: "observe" });
  });

  it("at once, many times, is one node and none is lost", async () => {
    const h = await new AppHarness({ maxDelayMs: 40 }).start();
    const input = {
      manifest: { id: "n1" as never },
      path: { address: "127.0.0.1", port: 4000, family: 4 },
      identity: "claimed",
      face: "register",
    } as const;
    const outcomes = await h.wait(Promise.all([1, 2, 3].map(() => h.app.registry.register(input))));
    expect(outcomes.map(({ kind }) => kind)).toEqual(["created", "renewed", "renewed"]);
  });

  it("asks for a lifetime within the limits, and is told what it got", async () => {
    const h = await new AppHarness().start();
    const lifetime = async (lifetimeSeconds: number | undefined, face: "register" | "rd" = "register") => {
      const outcome = await h.register("n1", {}, { lifetimeSeconds, face });
      return outcome.kind === "refused" ? undefined : outcome.answer.lifetime;
    };
    expect(await lifetime(1)).toBe(60);
    expect(await lifetime(3_600)).toBe(3_600);
    expect(await lifetime(99_999_999)).toBe(604_800);
    expect(await lifetime(undefined)).toBe(86_400);
    expect(await lifetime(undefined, "rd")).toBe(90_000);
  });

  it("is refused when the table is full, while those known go on", async () => {
    const h = await new AppHarness({ limits: { nodes: 2 } }).start();
    await h.register("n1");
    await h.register("n2");
    expect(await h.register("n3")).toMatchObject({ kind: "refused", reason: "full" });
    expect((await h.register("n2")).kind).toBe("renewed");
    await h.wait(h.app.registry.remove("n1", operator));
    expect((await h.register("n3")).kind).toBe("created");
  });

  it("of one child too many is refused, while those known go on and other nodes come in", async () => {
    const h = await new AppHarness({ limits: { nodes: 2 * childrenOfGateway } }).start();
    await h.register("gw");
    const child = (n: number) => h.register(`gw.${n.toString(16)}`, { parent: "gw" as never }, { gateway: "gw" });
    for (let n = 0; n < childrenOfGateway; n++) expect((await child(n)).kind).toBe("created");
    expect(await child(childrenOfGateway)).toMatchObject({ kind: "refused", reason: "full" });
    expect((await child(7)).kind).toBe("renewed");
    expect((await h.register("n1")).kind).toBe("created");
    await h.wait(h.app.registry.remove("gw.7", operator));
    expect((await child(childrenOfGateway)).kind).toBe("created");
  });

  it("of a child needs its gateway and the gateway's name", async () => {
    const h = await new AppHarness().start();
    const child = (id: string, gateway?: string) => h.register(id, { parent: "gw" as never }, { gateway });
    expect(await child("gw.0a")).toMatchObject({ kind: "refused", reason: "unknown-gateway" });
    await h.register("gw");
    expect(await child("other.0a")).toMatchObject({ kind: "refused", reason: "child-id" });
    expect(await child("gw.0a", "gw2")).toMatchObject({ kind: "refused", reason: "child-id" });
    expect((await child("gw.0a", "gw")).kind).toBe("created");
  });

  it("ends with its lifetime: the node is told that it is unknown, and registers again", async () => {
    const h = await new AppHarness().start();
    await h.register("n1", {}, { lifetimeSeconds: 60 });
    // The answer came some turns after the registration was heard.
    await h.clock.advance(59_900);
    expect(h.app.registry.heard("n1")).toBe(true);
    await h.clock.advance(60_001);
    expect(h.app.registry.heard("n1")).toBe(false);
    expect(h.app.heartbeats.beat("n1", 0, undefined, undefined)).toEqual({ kind: "unknown-node" });
    expect((await h.register("n1")).kind).toBe("renewed");
    expect(h.app.registry.heard("n1")).toBe(true);
  });
});

describe("a manager whose partitions another one took over", () => {
  it("answers no registration any more", async () => {
    const h = await new AppHarness().start();
    await h.register("n1");
    await h.crash();
    await expect(h.register("n1")).rejects.toMatchObject({ code: "storage.stale-epoch" });
    await expect(h.register("n2")).rejects.toMatchObject({ code: "storage.stale-epoch" });
  });
});

describe("the list of nodes", () => {
  it("filters and pages", async () => {
    const h = await new AppHarness().start();
    for (let n = 0; n < 9; n++) {
      await h.register(`n${n}`, { model: n < 5 ? "sensor" : "linux", tags: n % 2 ? ["odd"] : [], site: "home" });
    }
    const ids = async (query: object) => {
      const { nodes, total } = await h.wait(h.app.registry.list(query));
      return [nodes.map(({ id }) => id).join(" "), total];
    };
    expect(await ids({ model: "sensor", tag: "odd" })).toEqual(["n1 n3", 2]);
    expect(await ids({ page: 1, count: 4 })).toEqual(["n4 n5 n6 n7", 9]);
    expect(await ids({ page: 9, count: 4 })).toEqual(["", 9]);
    expect(await ids({ idPrefix: "n8" })).toEqual(["n8", 1]);
    expect(await ids({ presence: "offline" })).toEqual(["", 0]);
    expect(await ids({ site: "home", presence: "online", model: "linux" })).toEqual(["n5 n6 n7 n8", 4]);
  });
});

describe("a walk through the nodes", () => {
  it("sees each once in order, however it is cut, and goes on behind a node that was removed meanwhile", async () => {
    const h = await new AppHarness().start();
    const ids = Array.from({ length: 25 }, (_, n) => `n${String(n).padStart(2, "0")}`);
    for (const id of ids) await h.register(id, { model: Number(id.slice(1)) % 5 === 0 ? "rare" : "sensor" });
    const walk = async (query: object, limit: number): Promise<string[]> => {
      const seen: string[] = [];
      for (let after: string | undefined = ""; after !== undefined; ) {
        const step: NodeWalk = await h.wait(h.app.registry.walk({ ...query, after, limit }));
        expect(step.nodes.length).toBeLessThanOrEqual(limit);
        seen.push(...step.nodes.map((each) => each.id));
        after = step.next;
      }
      return seen;
    };
    for (const limit of [1, 3, 24, 25, 26, 1000]) expect(await walk({}, limit), `${limit}`).toEqual(ids);
    expect(await walk({ model: "rare" }, 2)).toEqual(["n00", "n05", "n10", "n15", "n20"]);
    expect(await walk({ idPrefix: "n1" }, 4)).toEqual(ids.slice(10, 20));
    expect(await walk({ idPrefix: "none" }, 4)).toEqual([]);
    const first = await h.wait(h.app.registry.walk({ limit: 5 }));
    await h.wait(h.app.registry.remove("n04", operator));
    const rest = await h.wait(h.app.registry.walk({ after: first.next ?? "", limit: 1000 }));
    expect(rest.nodes.map(({ id }) => id)).toEqual(ids.slice(5));
  });
});

describe("removing a node", () => {
  it("forgets it, its secrets and what waited for it, and starts above its old revs when it comes again", async () => {
    const h = await new AppHarness().start();
    await h.register("n1");
    await h.wait(h.app.environments.build("n1"));
    await h.wait(h.app.commands.send("n1", { command: "identify" }, operator));
    expect(h.broker.accounts.has("n1")).toBe(true);
    expect(await h.wait(h.app.registry.remove("n1", operator))).toBe("removed");
    expect(await h.wait(h.app.registry.remove("n1", operator))).toBe("unknown-node");
    expect(h.broker.accounts.has("n1")).toBe(false);
    expect(await h.wait(h.app.registry.find("n1"))).toBeUndefined();
    expect(h.app.registry.counts()).toEqual({ registered: 0, online: 0, late: 0, offline: 0, unknown: 0 });
    await h.register("n1");
    expect(h.app.heartbeats.beat("n1", 0, undefined, undefined)).toEqual({ kind: "nothing" });
    const sent = await h.wait(h.app.commands.send("n1", { command: "identify" }, operator));
    expect(sent).toMatchObject({ kind: "queued", rev: 2 });
  });
});

describe("a node that is gone for good", () => {
  it("is removed a long time after its lifetime, and not because the manager was away or deaf", async () => {
    const h = await new AppHarness({ limits: { lostNodeDays: 2 } }).start();
    await h.register("gone", {}, { lifetimeSeconds: 3600 });
    await h.register("here", {}, { lifetimeSeconds: 604_800 });
    await h.register("here-too", {}, { lifetimeSeconds: 604_800 });
    const hours = async (count: number) => {
      for (let n = 0; n < count * 60; n++) {
        for (const node of ["here", "here-too"]) h.app.heartbeats.beat(node, 0, undefined, undefined);
        await h.clock.advance(60_000);
      }
    };
    await hours(48);
    expect(h.app.registry.isRegistered("gone")).toBe(true);
    await hours(3);
    expect(h.app.registry.isRegistered("gone")).toBe(false);
    expect(h.of("removed")).toEqual([{ kind: "removed", node: "gone" }]);
    h.app.hearing.socket(false);
    await h.clock.advance(20 * 86_400_000);
    expect(h.app.registry.counts().registered).toBe(2);
  });
});

describe("the environment", () => {
  it("isn't given out before its password is stored and the broker knows it", async () => {
    let failing = false;
    const h = await new AppHarness({ failsCommit: () => failing }).start();
    await h.register("n1");
    failing = true;
    await expect(h.wait(h.app.environments.build("n1"))).rejects.toMatchObject({ code: "storage.disk-full" });
    failing = false;
    h.broker.isBroken = true;
    await expect(h.wait(h.app.environments.build("n1"))).rejects.toThrow("The broker is away.");
    h.broker.isBroken = false;
    const environment = await h.wait(h.app.environments.build("n1"));
    expect(environment?.mqtt?.password).toBe(h.broker.accounts.get("n1")?.password);
    expect(environment?.mqtt?.password).toMatch(/^[A-Za-z0-9_-]{32}$/);
  });

  it("is the same however often it is asked for, also at once and after a crash", async () => {
    const h = await new AppHarness().start();
    await h.register("n1");
    const both = await h.wait(Promise.all([h.app.environments.build("n1"), h.app.environments.build("n1")]));
    expect(both[0]?.mqtt).toEqual(both[1]?.mqtt);
    const after = await h.crash();
    expect(after.broker.accounts.get("n1")?.password).toBe(both[0]?.mqtt?.password);
    expect((await after.wait(after.app.environments.build("n1")))?.mqtt).toEqual(both[0]?.mqtt);
  });

  it("is nobody's who isn't registered", async () => {
    const h = await new AppHarness().start();
    expect(await h.wait(h.app.environments.build("nobody"))).toBeUndefined();
  });

  it("names no broker in the open beside one with TLS, unless the fleet allows it, and that one to nobody who can't", async () => {
    const h = await new AppHarness().start();
    await h.register("n1");
    await h.register("n2", { caps: ["sensors", "tls"] });
    const doors = async (): Promise<unknown[]> => {
      const both = await h.wait(Promise.all(["n1", "n2"].map((id) => h.app.environments.build(id))));
      return both.map((each) => each?.mqtt && [each.mqtt.port, each.mqtt.tls]);
    };
    const open = [settings.mqttPort, false];
    expect(await doors()).toEqual([open, open]);
    await h.wait(h.app.environments.change({ mqttTlsPort: 8883 }, operator));
    expect(await doors()).toEqual([undefined, [8883, true]]);
    await h.wait(h.app.environments.change({ allowPlainMqtt: true }, operator));
    expect(await doors()).toEqual([open, [8883, true]]);
  });

  it("that an operator changes reaches each node as an action, and lasts", async () => {
    const h = await new AppHarness().start();
    await h.register("n1");
    await h.wait(h.app.environments.build("n1"));
    await expect(h.wait(h.app.environments.change({ pollSeconds: 0 }, operator))).rejects.toMatchObject({
      code: "settings.bad-value",
    });
    await expect(h.wait(h.app.environments.change({ nonsense: 1 } as never, operator))).rejects.toMatchObject({
      code: "settings.unknown",
    });
    await h.wait(h.app.environments.change({ pollSeconds: 30 }, operator));
    await h.settle();
    const beat = h.app.heartbeats.beat("n1", 0, undefined, undefined);
    expect(beat).toMatchObject({ kind: "action", action: { kind: "environment", environment: { poll: 30, rev: 1 } } });
    expect((await h.crash()).app.environments.settings()).toEqual({ ...settings, pollSeconds: 30 });
  });

  it("gives a gateway's account the topics of its children", async () => {
    const h = await new AppHarness().start();
    await h.register("gw");
    await h.wait(h.app.environments.build("gw"));
    await h.register("gw.0a", { parent: "gw" as never });
    await h.settle();
    expect(h.broker.accounts.get("gw")?.nodes).toEqual(["gw", "gw.0a"]);
    const after = await h.crash();
    expect(after.broker.accounts.get("gw")?.nodes).toEqual(["gw", "gw.0a"]);
    await after.wait(after.app.registry.remove("gw.0a", operator));
    expect(after.broker.accounts.get("gw")?.nodes).toEqual(["gw"]);
  });
});
