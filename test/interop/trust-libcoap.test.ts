import { writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { hasDtls, TestCa } from "../integration/dtls-harness.ts";
import { soon } from "../integration/manager-harness.ts";
import { KeepingRelay } from "./keeping-relay.ts";
import { runOutside, startOutside } from "./manager-outside.ts";
import { type PemFiles, WholeManager } from "./whole-manager.ts";

const json = ["-t", "50"];
const put = (text: string): string[] => ["-m", "put", ...json, "-e", text];
const post = (text: string): string[] => ["-m", "post", ...json, "-e", text];
const healthy = '{"status":"healthy"}';

/** Who is refused is told nothing, so that is how long the client waits; who is answered is so much sooner. */
const patienceSeconds = 3;

/** Its two builds, each with a TLS library of its own. */
const clients = ["coap-client-openssl", "coap-client-gnutls"] as const;

/** A pre-shared key has bytes that no text has, so a shell hands it on. */
interface Psk {
  readonly identity: string;
  readonly key: Buffer;
}

function pskWords(program: string, { identity, key }: Psk): [string, string[]] {
  const octal = [...key].map((byte) => `\\${byte.toString(8).padStart(3, "0")}`).join("");
  return ["sh", ["-c", 'k=$(printf "$1"); shift; exec "$0" -k "$k" "$@"', program, octal, "-u", identity]];
}

/** What libcoap prints of an answer: its payload, or code and words of an error; nothing where it was told nothing. */
async function said(program: string, words: readonly string[]): Promise<string> {
  const { out, err } = await runOutside(program, words);
  // It says so itself when there was no session to send in.
  return `${out.toString()}${err}`.replace(/^.* ERR +cannot send CoAP pdu$/m, "").trim();
}

const askWords = (url: string, words: readonly string[]): string[] => [
  ...["-v", "3", "-B", `${patienceSeconds}`, ...words, url],
];

describe.runIf(hasDtls())("nodes with pre-shared keys, by libcoap", () => {
  let manager: WholeManager;
  let porch: Psk;
  let gateway: Psk;

  async function keyOf(node: string): Promise<Psk> {
    for (;;) {
      const { identity, key: hex } = (await manager.issue(node, "psk")).dtls.psk;
      const key = Buffer.from(hex, "hex");
      // Neither fits into an argument by way of a shell.
      if (!key.includes(0) && key.at(-1) !== 0x0a) return { identity, key };
    }
  }
  function ask(psk: Psk, path: string, words: readonly string[] = [], program: string = clients[0]): Promise<string> {
    const [shell, key] = pskWords(program, psk);
    return said(shell, [...key, ...askWords(`${manager.urls.coaps}${path}`, words)]);
  }

  beforeAll(async () => {
    manager = await WholeManager.start();
    [porch, gateway] = [await keyOf("porch"), await keyOf("gw-1")];
    expect(await ask(porch, "/register", post('{"id":"porch"}'))).toContain('"id":"porch"');
    for (const [psk, id] of [
      [gateway, "gw-1"],
      [await keyOf("gw-2"), "gw-2"],
    ] as const) {
      expect(await ask(psk, "/register", post(`{"id":"${id}"}`))).toContain(`"id":"${id}"`);
      const child = JSON.stringify({ id: `${id}.0a`, parent: id });
      expect(await ask(psk, "/register", post(child))).toContain(`"id":"${id}.0a"`);
    }
  });
  afterAll(() => manager.end());

  test.each(clients)("a wrong key and an unknown identity look alike to %s, and are told nothing", async (program) => {
    const before = await manager.metric("coxswain_dtls_sessions");
    const shapes = async (psk: Psk): Promise<string> => {
      const relay = await KeepingRelay.start(Number(new URL(manager.urls.coaps).port));
      onTestFinished(() => relay.end());
      const [shell, key] = pskWords(program, psk);
      const url = `coaps://127.0.0.1:${relay.port}/environment`;
      expect(await said(shell, [...key, ...askWords(url, [])])).toBe("");
      // What was sent again because it was late says nothing.
      const seen = relay.fromServer.map((bytes) => `${bytes[0]}/${bytes[13]}:${bytes.length}`);
      return [...new Set(seen)].join(" ");
    };
    const [wrongKey, stranger, otherKid] = await Promise.all([
      shapes({ ...porch, key: Buffer.alloc(24, 1) }),
      shapes({ identity: "nobody", key: Buffer.alloc(24, 1) }),
      shapes({ identity: "/0a0b0c0d", key: Buffer.alloc(24, 1) }),
    ]);
    expect(wrongKey).toMatch(/^22\/3:\d+ 22\/2:\d+/);
    expect(stranger).toBe(wrongKey);
    expect(otherKid).toBe(wrongKey);
    expect(await manager.metric("coxswain_dtls_sessions")).toBe(before);
    expect(await ask(porch, "/environment", [], program)).toContain('"topics"');
  });

  test("a node reads and writes its own resources alone, however another's path is written", async () => {
    const [own, other] = ["porch", "gw-2"];
    expect(await ask(porch, `/nodes/${own}/health`, put(healthy))).toBe("");
    await soon(
      () => manager.healthOf(own),
      (status) => status === "healthy",
    );
    const tries = [
      ["/register", post(`{"id":"${other}"}`)],
      ["/register", post(`{"id":"${other}.0b","parent":"${other}"}`)],
      [`/status?ep=${other}`, post(healthy)],
      [`/status?child=${other}.0a`, post(healthy)],
      [`/environment?ep=${other}`, []],
      [`/nodes/${other}`, []],
      [`/nodes/${other}/health`, []],
      [`/nodes/${other}/health`, put(healthy)],
      [`/nodes/${own}/health?ep=${other}`, put(healthy)],
      [`/nodes/${other}/telemetry`, ["-m", "post", "-t", "110", "-e", '[{"n":"t","v":1}]']],
      [`/nodes/${other}/logs`, post('{"lines":["x"]}')],
      [`/nodes/%67w-2/health`, put(healthy)],
      ["/rd?ep=gw-2", ["-m", "post", "-t", "40", "-e", "</a>"]],
      ["/nodes/gw-2/mode", put('{"mode":"maintenance","reason":"x"}')],
      ["/nodes/gw-2/commands", post('{"command":"identify"}')],
      ["/nodes/gw-2", ["-m", "delete"]],
      ["/nodes", []],
      ["/system/config", put('{"pollSeconds":20}')],
      ["/system/shutdown", ["-m", "post"]],
    ] as const;
    for (const [path, words] of tries) expect(await ask(porch, path, words), path).toMatch(/^4\.03/);
    // A segment with a slash or dots in it is no way to another one.
    for (const path of ["/nodes/porch%2F..%2Fgw-2/health", "/nodes/porch%2Fhealth", "/nodes/%2e%2e/gw-2/health"]) {
      expect(await ask(porch, path, put(healthy)), path).toMatch(/^4\.0[0345]/);
    }
    expect(await manager.healthOf(other)).toBeUndefined();
    expect(await manager.isRegistered(`${other}.0b`)).toBe(false);
    const { json: timeline } = await manager.api("GET", `/nodes/${own}/timeline`);
    expect(JSON.stringify(timeline)).toContain(other);
  });

  test("a gateway acts for its own children, and for nobody else's", async () => {
    const ownChild = "gw-1.0a";
    expect(await ask(gateway, `/status?child=${ownChild}`, ["-m", "post"])).toBe("");
    expect(await ask(gateway, `/nodes/${ownChild}/health`, put(healthy))).toBe("");
    expect(await manager.healthOf(ownChild)).toBe("healthy");
    for (const foreign of ["gw-2.0a", "porch", "gw-1.xyz", "gw-1"]) {
      const tries = [
        ["/register", post(`{"id":"${foreign}","parent":"gw-1"}`)],
        [`/status?child=${foreign}`, post(healthy)],
        ...(foreign === "gw-1"
          ? []
          : ([
              [`/nodes/${foreign}/health`, put(healthy)],
              [`/nodes/${foreign}/health`, []],
              [`/nodes/${foreign}/telemetry`, ["-m", "post", "-t", "110", "-e", '[{"n":"t","v":1}]']],
              [`/environment?ep=${foreign}`, []],
            ] as const)),
      ] as const;
      for (const [path, words] of tries)
        expect(await ask(gateway, path, words), `${foreign} ${path}`).toMatch(/^4\.0[03]/);
    }
    expect(await ask(gateway, "/register", post('{"id":"gw-2.0c","parent":"gw-2"}'))).toMatch(/^4\.03/);
    expect(await manager.healthOf("gw-2.0a")).toBeUndefined();
    expect(await manager.isRegistered("gw-2.0c")).toBe(false);
  });

  test("revoked, a node's session and what it observes end at once, and its key opens no other", async () => {
    const lamp = await keyOf("lamp");
    expect(await ask(lamp, "/register", post('{"id":"lamp"}'))).toContain('"id":"lamp"');
    expect(await ask(lamp, "/nodes/lamp/health", put(healthy))).toBe("");
    const before = await manager.metric("coxswain_dtls_sessions");
    const [shell, key] = pskWords(clients[0], lamp);
    const watching = startOutside(shell, [
      ...[...key, "-v", "3", "-s", "15", "-B", "15", `${manager.urls.coaps}/nodes/lamp/health`],
    ]);
    await soon(
      () => manager.metric("coxswain_dtls_sessions"),
      (sessions) => sessions > before,
    );
    await manager.revoke("lamp");
    expect(await manager.metric("coxswain_dtls_sessions")).toBeLessThanOrEqual(before);
    watching.child.kill();
    await watching.ended;
    expect(await ask(lamp, "/environment")).toBe("");
  });

  test("a certificate of the manager's own CA is good until the next one's first use, or its revocation, by DTLS and MQTT alike", async () => {
    const { port } = new URL(manager.urls.mqtts);
    const byDtls = (own: PemFiles, path: string, more: readonly string[] = []): Promise<string> => {
      const shown = ["-c", own.certFile, "-j", own.keyFile, "-R", manager.caFile];
      return said(clients[0], askWords(`${manager.urls.coaps}${path}`, [...shown, ...more]));
    };
    const byMqtt = async (own: PemFiles): Promise<boolean> => {
      const shown = ["--cafile", manager.caFile, "--cert", own.certFile, "--key", own.keyFile, "-i", "shed"];
      const words = ["-h", "127.0.0.1", "-p", port, ...shown, "-q", "1", "-t", "cx/nodes/shed/event", "-m", "{}"];
      return (await runOutside("mosquitto_pub", words)).code === 0;
    };
    const first = await manager.certificate("shed");
    expect(await byDtls(first, "/register", post('{"id":"shed","caps":["tls"]}'))).toContain('"id":"shed"');
    expect(await byDtls(first, "/environment")).toContain('"user":"shed"');
    expect(await byMqtt(first)).toBe(true);
    const second = await manager.certificate("shed");
    expect([await byDtls(first, "/environment"), await byMqtt(first)]).toEqual([expect.stringContaining("shed"), true]);
    expect(await byMqtt(second)).toBe(true);
    expect([await byDtls(first, "/environment"), await byMqtt(first)]).toEqual(["", false]);
    expect(await byDtls(second, "/nodes/porch/health", put(healthy))).toMatch(/^4\.03/);
    await manager.revoke("shed");
    expect([await byDtls(second, "/environment"), await byMqtt(second)]).toEqual(["", false]);
  });
});

describe.runIf(hasDtls())("nodes with certificates of a given CA, by libcoap", () => {
  const [ca, stranger] = [new TestCa(), new TestCa()];
  const name = "URI:urn:coxswain:node:porch";
  let manager: WholeManager;
  let crl: string;

  beforeAll(async () => {
    const server = ca.issue("IP:127.0.0.1");
    crl = `${ca.caFile}.crl`;
    writeFileSync(crl, ca.revoke());
    const files = ["--coaps-certificate", server.certFile, "--coaps-key", server.keyFile];
    manager = await WholeManager.start([...files, "--coaps-ca", ca.caFile, "--coaps-crl", crl]);
    for (const node of ["porch", "lamp"]) await manager.api("POST", `/nodes/${node}/credentials`, { scheme: "x509" });
  });
  afterAll(async () => {
    await manager.end();
    for (const each of [ca, stranger]) each.remove();
  });

  const words = ({ certFile, keyFile }: PemFiles, trusted = ca.caFile): string[] => [
    ...["-c", certFile, "-j", keyFile, "-R", trusted],
  ];
  const environment = (): string => `${manager.urls.coaps}/environment`;
  const come = (program: string, own: PemFiles, more: readonly string[] = []): Promise<string> =>
    said(program, askWords(`${manager.urls.coaps}/register`, [...words(own), ...more, ...post('{"id":"porch"}')]));

  test.each(clients)(
    "%s gets nothing with a certificate that is expired, not yet valid, revoked, another CA's or nobody's, nor without one",
    async (program) => {
      const revoked = ca.issue(name);
      writeFileSync(crl, ca.revoke(revoked));
      manager.hangUp();
      const bad = {
        expired: ca.issue(name, { to: "20210101000000Z" }),
        early: ca.issue(name, { from: "20390101000000Z" }),
        foreign: stranger.issue(name),
        unknown: ca.issue("URI:urn:coxswain:node:garden"),
        several: ca.issue("URI:urn:coxswain:node:porch,URI:urn:coxswain:node:lamp"),
        dnsName: ca.issue("DNS:porch"),
        commonName: ca.issue("", { commonName: "porch" }),
        revoked,
      };
      await soon(
        () => manager.log,
        (log) => log.includes("revocations-loaded"),
      );
      const tries = Object.entries(bad).map(async ([what, own]) => [what, await come(program, own)] as const);
      expect(await Promise.all(tries)).toEqual(Object.keys(bad).map((what) => [what, ""]));
      expect(await said(program, askWords(environment(), ["-R", ca.caFile]))).toBe("");
      expect(await manager.metric("coxswain_dtls_sessions")).toBe(0);
      expect(await come(program, ca.issue(name))).toContain('"id":"porch"');
    },
  );

  test("a list that names a node ends its session at once, and lets it in no more; others stay", async () => {
    const [lost, kept] = [ca.issue(name), ca.issue("URI:urn:coxswain:node:lamp")];
    expect(await come(clients[0], lost)).toContain('"id":"porch"');
    const watch = (own: PemFiles, node: string) =>
      startOutside(clients[0], [...words(own), "-s", "15", "-B", "15", `${manager.urls.coaps}/nodes/${node}/health`]);
    await said(clients[0], askWords(`${manager.urls.coaps}/register`, [...words(kept), ...post('{"id":"lamp"}')]));
    for (const [own, node] of [
      [lost, "porch"],
      [kept, "lamp"],
    ] as const) {
      const url = `${manager.urls.coaps}/nodes/${node}/health`;
      expect(await said(clients[0], askWords(url, [...words(own), ...put(healthy)]))).toBe("");
    }
    const started = await manager.metric("coxswain_dtls_sessions");
    const watching = [watch(lost, "porch"), watch(kept, "lamp")];
    await soon(
      () => manager.metric("coxswain_dtls_sessions"),
      (sessions) => sessions === started + 2,
    );
    writeFileSync(crl, ca.revoke(lost));
    manager.hangUp();
    await soon(
      () => manager.metric("coxswain_dtls_sessions"),
      (sessions) => sessions === started + 1,
    );
    for (const each of watching) each.child.kill();
    await Promise.all(watching.map((each) => each.ended));
    expect(await come(clients[0], lost)).toBe("");
    expect(await said(clients[0], askWords(environment(), words(kept)))).toContain('"topics"');
  });

  test("a node's certificate acts for that node alone, and operates nothing", async () => {
    const lamp = ca.issue("URI:urn:coxswain:node:lamp");
    const ask = (path: string, more: readonly string[]): Promise<string> =>
      said(clients[0], askWords(`${manager.urls.coaps}${path}`, [...words(lamp), ...more]));
    expect(await ask("/register", post('{"id":"porch"}'))).toMatch(/^4\.03/);
    expect(await ask("/nodes/porch/health", put(healthy))).toMatch(/^4\.03/);
    expect(await ask("/environment?ep=porch", [])).toMatch(/^4\.03/);
    expect(await ask("/nodes", [])).toMatch(/^4\.03/);
    expect(await ask("/system/shutdown", ["-m", "post"])).toMatch(/^4\.03/);
  });

  test("a client that trusts another CA, or none, doesn't go on with this manager", async () => {
    const own = ca.issue(name);
    for (const program of clients) {
      const trusting = askWords(environment(), words(own, stranger.caFile));
      expect(await said(program, trusting), program).not.toContain("porch");
    }
  });
});
