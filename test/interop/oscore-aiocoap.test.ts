import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CoapEndpoint } from "../../coap/endpoint.ts";
import { Code } from "../../coap/message.ts";
import type { PeerIdentity } from "../../coap/route.ts";
import { OscoreContexts } from "../../coap/security/oscore/oscore-contexts.ts";
import type { OscoreParameters } from "../../coap/security/oscore/oscore-parameters.ts";
import { volatileLeases } from "../../coap/security/oscore/sequence-leases.ts";
import { dgramTransport } from "../../coap/transport/dgram.ts";
import { silentLog } from "../../kernel/log.ts";
import { systemClock } from "../../kernel/system/system-clock.ts";
import { systemEntropy } from "../../kernel/system/system-entropy.ts";
import { until } from "./peers/peer-suite.ts";
import { SteeredPeer } from "./peers/steered-peer.ts";

const python = ".setup/peers/python/bin/python";
const isThere = existsSync(python);
if (!isThere) console.warn("OSCORE is not tried against aiocoap: npm run setup -- peers.");

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const utf8 = new TextEncoder();
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const secret = systemEntropy.bytes(16);
const masterSalt = systemEntropy.bytes(8);
/** Ours towards its server, and towards its client. */
const toServer: OscoreParameters = {
  masterSecret: secret,
  masterSalt,
  senderId: utf8.encode("us"),
  recipientId: utf8.encode("it"),
};
const toClient: OscoreParameters = {
  masterSecret: secret,
  senderId: Uint8Array.of(1),
  recipientId: new Uint8Array(0),
  idContext: systemEntropy.bytes(8),
};
const server: PeerIdentity = { kind: "node", id: "its server", scheme: "oscore" };
const client: PeerIdentity = { kind: "node", id: "its client", scheme: "oscore" };

function contextFolder(root: string, name: string, ours: OscoreParameters): string {
  const folder = join(root, name);
  mkdirSync(folder);
  const settings: Record<string, string> = {
    secret_hex: hex(ours.masterSecret),
    "sender-id_hex": hex(ours.recipientId),
    "recipient-id_hex": hex(ours.senderId),
  };
  if (ours.masterSalt !== undefined) settings["salt_hex"] = hex(ours.masterSalt);
  if (ours.idContext !== undefined) settings["id-context_hex"] = hex(ours.idContext);
  writeFileSync(join(folder, "settings.json"), JSON.stringify(settings));
  return folder;
}

describe.runIf(isThere)("aiocoap with OSCORE", () => {
  const root = mkdtempSync(join(tmpdir(), "coxswain-oscore-"));
  const oscore = new OscoreContexts({ entropy: systemEntropy, log: silentLog, leases: volatileLeases() });
  let peer: SteeredPeer;
  let endpoint: CoapEndpoint;
  let uri: string;
  let stored: Uint8Array = new Uint8Array(0);
  let ticks = 0;
  let ticking: NodeJS.Timeout;

  beforeAll(async () => {
    const folders = [contextFolder(root, "server", toServer), contextFolder(root, "client", toClient)];
    peer = new SteeredPeer(python, ["test/interop/peers/aiocoap_oscore_peer.py", ...folders]);
    await peer.start();
    oscore.add(toServer, { identity: server, isNew: true });
    oscore.add(toClient, { identity: client });
    endpoint = new CoapEndpoint({
      transport: dgramTransport({ address: "127.0.0.1", port: 0 }),
      clock: systemClock,
      entropy: systemEntropy,
      log: silentLog,
      oscore,
    });
    endpoint.route({
      method: "GET",
      path: "/who",
      replay: "again",
      answer({ peer: { identity } }, reply) {
        reply.contentFormat = 0;
        reply.payload = utf8.encode(identity.kind === "none" ? "nobody" : identity.id);
      },
    });
    endpoint.route({
      method: "GET",
      path: "/store",
      replay: "again",
      answer: (_request, reply) => {
        reply.payload = stored;
      },
    });
    endpoint.route({
      method: "PUT",
      path: "/store",
      replay: "once",
      answer: (request) => {
        stored = request.payload.slice();
      },
    });
    endpoint.route({
      method: "GET",
      path: "/slow",
      replay: "again",
      async later() {
        await new Promise<void>((resolve) => systemClock.after(400, resolve));
        return { payload: utf8.encode("slow answer") };
      },
    });
    endpoint.route({
      method: "GET",
      path: "/ticks",
      replay: "again",
      observable: true,
      answer: (_request, reply) => {
        reply.payload = utf8.encode(`tick ${ticks}`);
      },
    });
    await endpoint.start();
    ticking = setInterval(() => {
      ticks++;
      endpoint.notify("/ticks");
    }, 100);
    uri = `coap://127.0.0.1:${endpoint.address().port}`;
  });

  afterAll(async () => {
    clearInterval(ticking);
    await peer.stop();
    await endpoint.stop();
    rmSync(root, { recursive: true });
  });

  const to = (): { readonly address: string; readonly port: number; readonly identity: PeerIdentity } => ({
    address: "127.0.0.1",
    port: peer.port,
    identity: server,
  });

  it("its server takes our requests, also after it lost its replay window, and answers late", async () => {
    const who = { method: "GET", path: ["who"] } as const;
    // Its first answer asks for an Echo, which our client gives by itself.
    expect((await endpoint.request({ to: to(), ...who })).code).toBe(Code.content);
    const verified = await endpoint.request({ to: to(), ...who });
    expect(text(verified.payload)).toBe("OSCOREAddress");
    await peer.ask("forget", "-");
    expect((await endpoint.request({ to: to(), ...who })).code).toBe(Code.content);
    const slow = await endpoint.request({ to: to(), method: "GET", path: ["slow"] });
    expect(text(slow.payload)).toBe("slow answer");
    const nothing = await endpoint.request({ to: to(), method: "GET", path: ["nothing"] });
    expect(nothing.code).toBe(Code.notFound);
  });

  it("its server refuses a key that isn't its own, and our client says so", async () => {
    const wrong = oscore.add(
      { ...toServer, masterSecret: systemEntropy.bytes(16), recipientId: utf8.encode("no") },
      { isNew: true },
    );
    const asked = endpoint.request({ to: { ...to(), oscore: wrong }, method: "GET", path: ["who"] });
    await expect(asked).rejects.toMatchObject({ code: "coap.oscore-refused" });
  });

  it("bodies in inner blocks go both ways between our client and its server", async () => {
    const payload = utf8.encode("0123456789abcdef".repeat(300));
    const put = await endpoint.request({ to: to(), method: "PUT", path: ["store"], payload, blockSize: 256 });
    expect(put.code).toBe(Code.changed);
    const got = await endpoint.request({ to: to(), method: "GET", path: ["store"], blockSize: 128 });
    expect(text(got.payload)).toBe(text(payload));
  });

  it("our client observes a resource of its server, in order", async () => {
    const seen: string[] = [];
    const observation = endpoint.observe(
      { to: to(), path: ["ticks"] },
      { notification: ({ payload }) => seen.push(text(payload)), ended: (reason) => seen.push(reason) },
    );
    await until(() => expect(seen.length).toBeGreaterThan(4));
    observation.cancel();
    const numbers = seen.filter((each) => each.startsWith("tick")).map((each) => Number(each.slice(5)));
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
    expect(seen.at(-1)).toBe("cancelled");
  });

  it("our server knows its client by the context, after an Echo of ours", async () => {
    const before = endpoint.counters()["oscore.echoAsked"]!;
    expect(await peer.ask("GET", `${uri}/who`)).toMatchObject([{ code: "2.05", contentFormat: 0, text: "its client" }]);
    expect(endpoint.counters()["oscore.echoAsked"]).toBe(before + 1);
    expect(await peer.ask("GET", `${uri}/who`)).toMatchObject([{ code: "2.05", text: "its client" }]);
    expect(endpoint.counters()["oscore.echoAsked"]).toBe(before + 1);
    expect(await peer.ask("GET", `${uri}/nothing`)).toMatchObject([{ code: "4.04" }]);
    expect(await peer.ask("GET", `${uri}/slow`)).toMatchObject([{ code: "2.05", text: "slow answer" }]);
  });

  it("bodies in inner blocks go both ways between its client and our server", async () => {
    const body = "fedcba9876543210".repeat(200);
    const payload = `payload=${hex(utf8.encode(body))}`;
    expect(await peer.ask("PUT", `${uri}/store`, payload)).toMatchObject([{ code: "2.04" }]);
    expect(text(stored)).toBe(body);
    expect(await peer.ask("GET", `${uri}/store`)).toMatchObject([{ code: "2.05", text: body }]);
  });

  it("its client observes a resource of our server", async () => {
    const answers = await peer.ask("GET", `${uri}/ticks`, "observe=5");
    expect(answers.map(({ code }) => code)).toEqual(["2.05", "2.05", "2.05", "2.05", "2.05"]);
    const numbers = answers.map((each) => Number(each.text.slice(5)));
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
  });

  it("its client is told when its context was revoked", async () => {
    expect(oscore.revoke(client)).toBe(1);
    const [answer] = await peer.ask("GET", `${uri}/who`);
    expect(answer!.text).toMatch(/NotAProtectedMessage/);
  });
});
