import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { hasDtls, TestCa } from "../integration/dtls-harness.ts";
import { soon } from "../integration/manager-harness.ts";
import { type ProgramEnd, runOutside, startOutside } from "./manager-outside.ts";
import { type PemFiles, WholeManager } from "./whole-manager.ts";

// Debian: mosquitto-clients. Where it is missing these tests say so by being skipped.
const isInstalled = spawnSync("mosquitto_pub", ["--help"]).error === undefined;
const sesame = "correct-observer-battery";

describe.runIf(isInstalled && hasDtls())("MQTT over TLS at a whole manager, by mosquitto_pub and mosquitto_sub", () => {
  const [ca, stranger] = [new TestCa(), new TestCa()];
  const node = (id: string): string => `URI:urn:coxswain:node:${id}`;
  let manager: WholeManager;
  let crl: string;
  let port: string;
  const passwords: Record<string, string> = {};

  beforeAll(async () => {
    const server = ca.issue("IP:127.0.0.1");
    crl = `${ca.caFile}.crl`;
    writeFileSync(crl, ca.revoke());
    const flags = [
      ...["--coaps-certificate", server.certFile, "--coaps-key", server.keyFile],
      ...["--tls-certificate", server.certFile, "--tls-key", server.keyFile],
      ...["--coaps-ca", ca.caFile, "--coaps-crl", crl],
    ];
    manager = await WholeManager.start(flags, { COXSWAIN_MQTT_OBSERVER_PASSWORD: sesame });
    port = new URL(manager.urls.mqtts).port;
    for (const id of ["porch", "garden", "gw-1", "gw-2"]) await join(id);
    for (const id of ["gw-1", "gw-2"]) await register(id, { id: `${id}.0a`, parent: id });
  });
  afterAll(async () => {
    await manager.end();
    for (const each of [ca, stranger]) each.remove();
  });

  const certificates: Record<string, PemFiles> = {};
  const coap = (id: string, words: readonly string[], path: string): Promise<ProgramEnd> => {
    const own = certificates[id];
    if (own === undefined) throw new Error(id);
    const shown = ["-c", own.certFile, "-j", own.keyFile, "-R", ca.caFile];
    return runOutside("coap-client-openssl", [
      "-v",
      "3",
      "-B",
      "5",
      ...shown,
      ...words,
      `${manager.urls.coaps}${path}`,
    ]);
  };
  const register = async (id: string, manifest: object): Promise<void> => {
    const { out } = await coap(id, ["-m", "post", "-t", "50", "-e", JSON.stringify(manifest)], "/register");
    expect(out.toString()).toContain('"id"');
  };

  /** A node with a certificate, registered, and its password at the broker, as its environment says. */
  async function join(id: string): Promise<void> {
    certificates[id] = ca.issue(node(id));
    expect((await manager.api("POST", `/nodes/${id}/credentials`, { scheme: "x509" })).status).toBe(201);
    await register(id, { id, model: "m", caps: ["tls"] });
    const { out } = await coap(id, [], "/environment");
    passwords[id] = (JSON.parse(out.toString()) as { mqtt: { password: string } }).mqtt.password;
  }

  const at = (trusted = ca.caFile): string[] => ["-h", "127.0.0.1", "-p", port, "--cafile", trusted];
  const byPassword = (id: string, password = passwords[id] ?? ""): string[] => ["-i", id, "-u", id, "-P", password];
  const by = (id: string, own: PemFiles): string[] => ["-i", id, "--cert", own.certFile, "--key", own.keyFile];
  const say = (who: readonly string[], topic: string, text = "{}", where = at()): Promise<ProgramEnd> =>
    runOutside("mosquitto_pub", [...where, ...who, "-q", "1", "-t", topic, "-m", text]);
  const watch = (topic: string, who = ["-i", "_observer", "-u", "_observer", "-P", sesame]) => {
    const watching = startOutside("mosquitto_sub", [...at(), ...who, "-q", "1", "-v", "-t", topic]);
    onTestFinished(async () => {
      watching.child.kill();
      await watching.ended;
    });
    return watching;
  };

  test("a wrong password, nobody's, another's name and none at all don't get in; the right one does", async () => {
    const topic = "cx/nodes/porch/event";
    for (const who of [
      byPassword("porch", "wrong"),
      byPassword("porch", ""),
      byPassword("stranger", passwords["porch"]),
      byPassword("garden", passwords["porch"]),
      ["-i", "garden", "-u", "porch", "-P", passwords["porch"] ?? ""],
      ["-i", "porch"],
      ["-i", "_observer", "-u", "_observer", "-P", "wrong"],
    ]) {
      expect((await say(who, topic)).code, who.slice(0, 4).join(" ")).not.toBe(0);
    }
    expect((await say(byPassword("porch"), topic)).code).toBe(0);
  });

  test("who trusts another CA, asks for another name, or speaks no TLS, gets nothing; nor who speaks TLS at the open port", async () => {
    const good = byPassword("porch");
    const open = new URL(manager.urls.mqtt).port;
    for (const where of [
      at(stranger.caFile),
      ["-h", "localhost", "-p", port, "--cafile", ca.caFile],
      ["-h", "127.0.0.1", "-p", port],
      ["-h", "127.0.0.1", "-p", open, "--cafile", ca.caFile],
    ]) {
      const { code, err } = await say(good, "cx/nodes/porch/event", "{}", where);
      expect(code, where.join(" ")).not.toBe(0);
      // Where it is the client that refuses, it says why.
      if (where.includes(port) && where.includes("--cafile")) expect(err).toMatch(/TLS|certificate|host name/i);
    }
    expect((await say(good, "cx/nodes/porch/event")).code).toBe(0);
  });

  test("a certificate that is expired, revoked, another CA's or another node's isn't made good by the right password", async () => {
    const revoked = ca.issue(node("porch"));
    writeFileSync(crl, ca.revoke(revoked));
    manager.hangUp();
    await soon(
      () => manager.log,
      (log) => log.includes("revocations-loaded"),
    );
    const bad = {
      expired: ca.issue(node("porch"), { to: "20210101000000Z" }),
      early: ca.issue(node("porch"), { from: "20390101000000Z" }),
      foreign: stranger.issue(node("porch")),
      unknown: ca.issue(node("shed")),
      several: ca.issue(`${node("porch")},${node("garden")}`),
      nameless: ca.issue("", { commonName: "porch" }),
      others: certificates["garden"] as PemFiles,
      revoked,
    };
    for (const [what, own] of Object.entries(bad)) {
      expect((await say(by("porch", own), "cx/nodes/porch/event")).code, what).not.toBe(0);
      const both = [...by("porch", own), "-u", "porch", "-P", passwords["porch"] ?? ""];
      expect((await say(both, "cx/nodes/porch/event")).code, what).not.toBe(0);
    }
    expect((await say(by("porch", certificates["porch"] as PemFiles), "cx/nodes/porch/event")).code).toBe(0);
  });

  test("what is published under another node's topic, or a foreign child's, reaches nobody", async () => {
    const watching = watch("cx/#");
    await soon(
      () => watching.out(),
      (text) => text.includes("cx/fleet/presence"),
    );
    for (const topic of [
      "cx/nodes/garden/event",
      "cx/nodes/garden/telemetry",
      "cx/nodes/gw-2.0a/event",
      "cx/nodes/gw-2.0a/telemetry",
      "cx/nodes/gw-1x.0a/event",
      "cx/fleet/alerts",
      "cx/nodes/porch/ota/start",
      "cx/nodes/../garden/event",
      "cx//nodes/garden/event",
      "$SYS/broker/uptime",
      "elsewhere",
    ]) {
      for (const who of ["porch", "gw-1"]) await say(byPassword(who), topic, `from-${who}-to-${topic}`);
    }
    expect((await say(byPassword("gw-1"), "cx/nodes/gw-1.0a/event", "own-child")).code).toBe(0);
    expect((await say(byPassword("porch"), "cx/nodes/porch/event", "own")).code).toBe(0);
    await soon(
      () => watching.out(),
      (text) => text.includes("cx/nodes/gw-1.0a/event own-child") && text.includes("cx/nodes/porch/event own"),
    );
    expect(watching.out()).not.toContain("from-");
    const { json } = await manager.api("GET", "/nodes/garden");
    expect(json["telemetry"]).toEqual([]);
  });

  test("another node's topics, a foreign child's, and wildcards over them are denied to a subscriber", async () => {
    for (const topic of [
      "cx/nodes/garden/#",
      "cx/nodes/garden/ota/start",
      "cx/nodes/+/event",
      "cx/#",
      "#",
      "+/nodes/#",
    ]) {
      const { err } = await runOutside("mosquitto_sub", [...at(), ...byPassword("porch"), "-W", "2", "-t", topic]);
      expect(err, topic).toMatch(/denied/i);
    }
    for (const topic of ["cx/nodes/gw-2.0a/#", "cx/nodes/gw-2/#", "cx/nodes/+/+"]) {
      const { err } = await runOutside("mosquitto_sub", [...at(), ...byPassword("gw-1"), "-W", "2", "-t", topic]);
      expect(err, topic).toMatch(/denied/i);
    }
    const own = [...at(), ...byPassword("porch"), "-E", "-q", "1", "-t", "cx/nodes/porch/ota/#"];
    expect(await runOutside("mosquitto_sub", own)).toMatchObject({ code: 0, err: "" });
  });

  test("a node that is revoked is disconnected at once, and what waits for it is never delivered, to new credentials neither", async () => {
    const digest = await upload();
    await Promise.all(["kept", "lost"].map((id) => join(id)));
    const sleeping = (id: string, more: readonly string[]): Promise<ProgramEnd> =>
      runOutside("mosquitto_sub", [
        ...[...at(), ...by(id, certificates[id] as PemFiles), "-c", "-q", "1", "-v"],
        ...["-t", `cx/nodes/${id}/ota/start`, ...more],
      ]);
    for (const id of ["kept", "lost"]) {
      expect((await sleeping(id, ["-E"])).code).toBe(0);
      await tell(id, digest);
    }
    const watching = watch("cx/nodes/lost/cmd/#", byPassword("lost"));
    await soon(
      async () => (await manager.api("GET", "/nodes/lost")).json["node"] as { isConnectedToBroker: boolean },
      ({ isConnectedToBroker }) => isConnectedToBroker,
    );
    await manager.revoke("lost");
    // It comes back by itself, and is refused: mosquitto_sub ends then.
    expect((await watching.ended).code).not.toBe(0);
    expect((await sleeping("lost", ["-C", "1", "-W", "2"])).code).not.toBe(0);
    await join("lost");
    const { out } = await sleeping("lost", ["-C", "1", "-W", "2"]);
    expect(out.toString()).toBe("");
    expect((await sleeping("kept", ["-C", "1", "-W", "10"])).out.toString()).toContain("cx/nodes/kept/ota/start");
  });

  /** An image, and its digest. */
  async function upload(): Promise<string> {
    const response = await fetch(`${manager.urls.http}/api/v1/artifacts`, {
      ...{ method: "POST", body: Buffer.alloc(2000, "x") },
      headers: { authorization: `Bearer ${manager.token}`, "content-type": "application/octet-stream" },
    });
    return String(((await response.json()) as { digest: string }).digest);
  }

  /** Something that waits at the broker for the node. */
  async function tell(id: string, digest: string): Promise<void> {
    const update = `for-${id}`;
    const made = await manager.api("POST", "/updates", { id: update, version: "2", model: "m", digest, size: 2000 });
    expect(made.status, JSON.stringify(made.json)).toBe(201);
    const { json } = await manager.api("POST", `/updates/${update}/start`, { nodes: [id], via: "mqtt" });
    expect(json).toMatchObject({ kind: "started" });
  }
});
