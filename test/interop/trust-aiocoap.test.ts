import { createSocket } from "node:dgram";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { soon } from "../integration/manager-harness.ts";
import { KeepingRelay } from "./keeping-relay.ts";
import { runOutside } from "./manager-outside.ts";
import { WholeManager } from "./whole-manager.ts";

const client = ".setup/peers/python/bin/aiocoap-client";
const isThere = existsSync(client);
if (!isThere) console.warn("Trust is not tried with aiocoap: npm run setup -- peers.");

/** The refusal comes in the open, since no context protects it; aiocoap complains of that. */
const isStranger = /NotAProtectedMessage/;

interface Context {
  readonly masterSecret: string;
  readonly masterSalt: string;
  readonly senderId: string;
}

describe.runIf(isThere)("nodes with OSCORE, by aiocoap", () => {
  let manager: WholeManager;
  const contexts: Record<string, Context> = {};
  beforeAll(async () => {
    manager = await WholeManager.start();
    for (const id of ["porch", "garden", "gw-1", "gw-2"]) {
      contexts[id] = (await manager.issue(id, "oscore")).oscore;
      place(id, contexts[id]);
      expect(await ask(id, "/register", ...post(`{"id":"${id}"}`))).toContain(`"id":"${id}"`);
    }
    for (const gateway of ["gw-1", "gw-2"]) {
      const child = { id: `${gateway}.0a`, parent: gateway };
      expect(await ask(gateway, "/register", ...post(JSON.stringify(child)))).toContain(child.id);
    }
  });
  afterAll(() => manager.end());

  /** Files as aiocoap wants them: for every address of the manager's, that of a relay too. */
  function place(name: string, { masterSecret, masterSalt, senderId }: Context): void {
    const base = join(manager.folder, name);
    mkdirSync(base);
    const write = (file: string, value: unknown): void => writeFileSync(join(base, file), JSON.stringify(value));
    write("secret.json", { secret_hex: masterSecret, salt_hex: masterSalt });
    write("settings.json", {
      ...{ "sender-id_hex": senderId, "recipient-id_hex": "" },
      ...{ algorithm: "AES-CCM-16-64-128", "kdf-hashfun": "sha256" },
    });
    write("aiocoap.json", { "coap://127.0.0.1*": { oscore: { basedir: `${base}/` } } });
  }
  const post = (body: string): string[] => ["-m", "POST", "--content-format", "application/json", "--payload", body];
  const put = (body: string): string[] => ["-m", "PUT", "--content-format", "application/json", "--payload", body];
  const healthy = put('{"status":"healthy"}');

  async function askAt(base: string, name: string, path: string, ...more: string[]): Promise<string> {
    const asked = ["--credentials", join(manager.folder, name, "aiocoap.json"), ...more, `${base}${path}`];
    const { out, err } = await runOutside(client, asked);
    return `${out.toString("latin1")}${err}`;
  }
  const ask = (name: string, path: string, ...more: string[]): Promise<string> =>
    askAt(manager.urls.coap, name, path, ...more);

  test("a wrong key, another node's kid with one's own key, and a kid of nobody are refused, and nothing is kept", async () => {
    const [porch, garden] = [contexts["porch"], contexts["garden"]];
    if (porch === undefined || garden === undefined) throw new Error("no contexts");
    place("wrong", { ...porch, masterSecret: "0".repeat(32) });
    place("borrowed", { ...porch, senderId: garden.senderId });
    place("nobody", { ...porch, senderId: "00000000" });
    for (const name of ["wrong", "borrowed", "nobody"]) {
      expect(await ask(name, "/nodes/garden/health", ...healthy), name).toMatch(isStranger);
      expect(await ask(name, "/environment"), name).toMatch(isStranger);
    }
    expect(await manager.healthOf("garden")).toBeUndefined();
    // In the open, with an id and nothing else.
    for (const path of ["/environment?ep=porch", "/nodes/porch", "/status?ep=porch"]) {
      const { out, err } = await runOutside(client, [`${manager.urls.coap}${path}`]);
      expect(`${out}${err}`, path).toContain("4.01");
    }
  });

  test("a node reads and writes its own resources alone, and operates nothing", async () => {
    const tries = [
      ["/register", ...post('{"id":"garden"}')],
      ["/status?ep=garden", ...post('{"status":"healthy"}')],
      ["/environment?ep=garden"],
      ["/nodes/garden"],
      ["/nodes/garden/health", ...healthy],
      ["/nodes/porch/health?ep=garden", ...healthy],
      ["/nodes/garden/mode", ...put('{"mode":"maintenance","reason":"x"}')],
      ["/nodes", "-m", "GET"],
      ["/system/config", ...put('{"pollSeconds":20}')],
      ["/system/shutdown", "-m", "POST"],
    ] as const;
    for (const [path, ...words] of tries) expect(await ask("porch", path, ...words), path).toContain("4.03");
    expect(await manager.healthOf("garden")).toBeUndefined();
    const { json } = await manager.api("GET", "/nodes/porch/timeline");
    expect(JSON.stringify(json)).toContain("garden");
  });

  test("a gateway acts for its own children, and for nobody else's", async () => {
    expect(await ask("gw-1", "/nodes/gw-1.0a/health", ...healthy)).not.toContain("4.0");
    expect(await manager.healthOf("gw-1.0a")).toBe("healthy");
    const tries = [
      ["/register", ...post('{"id":"gw-2.0a","parent":"gw-1"}')],
      ["/register", ...post('{"id":"gw-2.0b","parent":"gw-2"}')],
      ["/status?child=gw-2.0a", ...post('{"status":"healthy"}')],
      ["/nodes/gw-2.0a/health", ...healthy],
      ["/nodes/gw-2.0a/telemetry", "-m", "POST", "--content-format", "110", "--payload", '[{"n":"t","v":1}]'],
      ["/nodes/gw-2.0a"],
      ["/nodes/garden/health", ...healthy],
    ] as const;
    for (const [path, ...words] of tries) expect(await ask("gw-1", path, ...words), path).toContain("4.03");
    expect(await manager.healthOf("gw-2.0a")).toBeUndefined();
    expect(await manager.isRegistered("gw-2.0b")).toBe(false);
  });

  test("a recorded request is refused when it comes again, from whatever address, and when it was changed", async () => {
    const relay = await KeepingRelay.start(Number(new URL(manager.urls.coap).port));
    onTestFinished(() => relay.end());
    await askAt(`coap://127.0.0.1:${relay.port}`, "porch", "/nodes/porch/health", ...put('{"status":"degraded"}'));
    await soon(
      () => manager.healthOf("porch"),
      (status) => status === "degraded",
    );
    await ask("porch", "/nodes/porch/health", ...healthy);
    expect(await manager.healthOf("porch")).toBe("healthy");
    // An Echo may have been asked for: the last one is the request that was carried out.
    const recorded = relay.fromClient.filter((bytes) => bytes.length > 20).at(-1);
    if (recorded === undefined) throw new Error("nothing was recorded");
    const answered = relay.fromServer.length;
    // A duplicate: the answer of then, and nothing is done.
    relay.again(recorded);
    await soon(
      () => relay.fromServer.length,
      (count) => count > answered,
    );
    expect(relay.fromServer.at(-1)?.equals(relay.fromServer[answered - 1] ?? Buffer.alloc(0))).toBe(true);
    const other = createSocket("udp4");
    onTestFinished(() => void other.close());
    const answers: string[] = [];
    other.on("message", (bytes) => answers.push(`${(bytes[1] ?? 0) >> 5}.0${(bytes[1] ?? 0) & 31}`));
    const changed = Buffer.from(recorded);
    changed[changed.length - 1] = (changed[changed.length - 1] ?? 0) ^ 1;
    let messageId = recorded.readUInt16BE(2);
    for (const bytes of [recorded, changed]) {
      const copy = Buffer.from(bytes);
      copy.writeUInt16BE(++messageId & 0xffff, 2);
      const before = answers.length;
      other.send(copy, Number(new URL(manager.urls.coap).port), "127.0.0.1");
      await soon(
        () => answers.length,
        (count) => count > before,
      );
    }
    // The number of both was used: nothing is opened.
    expect(answers).toEqual(["4.01", "4.01"]);
    expect(await manager.healthOf("porch")).toBe("healthy");
  });

  test("revoked keys are refused from the next message on, and new ones don't bring them back", async () => {
    await manager.revoke("garden");
    expect(await ask("garden", "/environment")).toMatch(isStranger);
    place("garden-2", (await manager.issue("garden", "oscore")).oscore);
    expect(await ask("garden", "/environment")).toMatch(isStranger);
    expect(await ask("garden-2", "/environment")).toContain('"topics"');
  });
});
