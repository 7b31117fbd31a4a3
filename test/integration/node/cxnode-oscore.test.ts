import { chmodSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import type { CoapResponse, ObservationEnd } from "../../../coap/client-types.ts";
import { Code } from "../../../coap/message.ts";
import { cborFormat, decode, encode } from "../../../schemas/wire/codec.ts";
import {
  buildFolder,
  requireBuild,
  type SupervisedNode,
  sha256,
  stamp,
  temporaryFolder,
  withNodes,
} from "../supervisor/supervised-node.ts";
import { nodeIdentity, oscoreCredentials, SecureManager } from "./secure-manager.ts";

const nodeImage = join(buildFolder, "cxnode-node");

let manager: SecureManager;

beforeAll(requireBuild);
beforeEach(async () => {
  manager = await SecureManager.start();
});
afterEach(async () => {
  await manager.stop();
});

type Start = (flags: readonly string[], shellPrefix?: string) => SupervisedNode;

function writeCredentials(content: unknown = { id: "n1", oscore: oscoreCredentials }, mode = 0o600): string {
  const file = join(temporaryFolder(), "credentials.json");
  writeFileSync(file, typeof content === "string" ? content : JSON.stringify(content));
  chmodSync(file, mode);
  return file;
}

function startNode(start: Start, flags: readonly string[]): SupervisedNode {
  const manage = ["--manager", `coap://127.0.0.1:${manager.port}`, "--interface", "lo"];
  return start([...manage, "--image", nodeImage, ...flags]);
}

async function ask(
  method: "GET" | "PUT",
  path: readonly string[],
  payload?: Uint8Array,
  isProtected = true,
): Promise<CoapResponse> {
  const { address, port } = manager.node ?? { address: "", port: 0 };
  const to = isProtected ? { address, port, identity: nodeIdentity } : { address, port };
  const format = payload === undefined ? {} : { payload, contentFormat: cborFormat };
  return await manager.endpoint.request({ to, method, path, ...format });
}

test("a node with OSCORE credentials registers and beats, and its id is that of the credentials", () =>
  withNodes(async (start) => {
    startNode(start, ["--credentials", writeCredentials()]);
    await manager.until((heard) => heard.manifests.length > 0 && heard.reports.length > 1);
    expect(manager.heard.manifests[0]?.id).toBe("n1");
    expect(new Set(manager.heard.identities.map((each) => JSON.stringify(each)))).toEqual(
      new Set([JSON.stringify(nodeIdentity)]),
    );
  }));

test("the manager reads, steers and observes the node by OSCORE; the same in the clear is 4.01", () =>
  withNodes(async (start) => {
    startNode(start, ["--credentials", writeCredentials()]);
    await manager.until((heard) => heard.reports.length > 0);
    const health = await ask("GET", ["health"]);
    expect(health.code).toBe(Code.content);
    expect(decode("status-report", health.payload, health.contentFormat ?? -1)).toMatchObject({ ok: true });

    const mode = encode("mode", { mode: "maintenance" }, cborFormat);
    expect((await ask("PUT", ["mode"], mode, false)).code).toBe(Code.unauthorized);
    expect((await ask("GET", ["health"], undefined, false)).code).toBe(Code.unauthorized);
    expect((await ask("GET", [".well-known", "core"], undefined, false)).code).toBe(Code.content);

    const told: CoapResponse[] = [];
    let ended: ObservationEnd | undefined;
    const observation = manager.endpoint.observe(
      { to: { address: "127.0.0.1", port: manager.node?.port ?? 0, identity: nodeIdentity }, path: ["health"] },
      { notification: (response) => told.push(response), ended: (reason) => (ended = reason) },
    );
    expect((await ask("PUT", ["mode"], mode)).code).toBe(Code.changed);
    await manager.until((heard) => heard.reports.some((report) => report.phase === "maintenance"));
    await manager.until(() => told.length >= 2);
    expect(ended).toBeUndefined();
    observation.cancel();
  }));

test("an image comes by protected blocks, and the new one goes on with the same keys", () =>
  withNodes(async (start, folder) => {
    const next = stamp(nodeImage, "1.1.0", folder);
    const hex = sha256(next);
    manager.artifact = { hex, body: readFileSync(next) };
    manager.action = {
      rev: 1,
      kind: "update",
      update: "next",
      attempt: "a1",
      uris: [`coap://127.0.0.1:${manager.port}/artifacts/${hex}`],
      size: manager.artifact.body.length,
      digest: `sha256:${hex}`,
      version: "1.1.0",
    };
    startNode(start, ["--credentials", writeCredentials(), "--prefer", "coap"]);
    await manager.until((heard) =>
      heard.reports.some((report) => report.digest === `sha256:${hex}` && report.confirmed === true),
    );
    expect(manager.heard.manifests.at(-1)).toMatchObject({ version: "1.1.0", slot: "b" });
    await manager.until((heard) => heard.attempts.some((attempt) => attempt.update === "next"));
  }));

test("keys and numbers are kept in the state folder: a second start needs no file and uses no number again", () =>
  withNodes(async (start, folder) => {
    const file = writeCredentials();
    const first = startNode(start, ["--credentials", file]);
    await manager.until((heard) => heard.reports.length > 0);
    const [child] = readFileSync(`/proc/${first.pid}/task/${first.pid}/children`, "utf8").trim().split(" ");
    for (const pid of [String(first.pid), child]) {
      for (const place of ["cmdline", "environ"]) {
        expect(readFileSync(`/proc/${pid}/${place}`, "latin1")).not.toContain(oscoreCredentials.masterSecret);
      }
    }
    expect(await first.stop()).toBe(0);
    for (const name of ["credentials", "numbers"])
      expect(statSync(join(folder, "state", name)).mode & 0o777).toBe(0o600);
    expect(first.lines.join("\n")).not.toContain(oscoreCredentials.masterSecret);

    const before = manager.heard.manifests.length;
    // The manager's replay window stands: numbers that were used would be refused.
    startNode(start, []);
    await manager.until((heard) => heard.manifests.length > before && heard.reports.length > 1);
  }));

test("with its numbers lost a node says so, and sends nothing ever again with those keys", () =>
  withNodes(async (start, folder) => {
    const first = startNode(start, ["--credentials", writeCredentials()]);
    await manager.until((heard) => heard.reports.length > 0);
    await first.stop();
    const before = manager.heard.identities.length;
    writeFileSync(join(folder, "state", "numbers"), "damaged");
    const second = startNode(start, []);
    await second.line(/security: the sequence numbers are lost: this node needs new credentials/);
    await second.line(/registration failed: closed/);
    expect(manager.heard.identities).toHaveLength(before);
  }));

test.each([
  ["readable by others", { id: "n1", oscore: oscoreCredentials }, 0o644, /can be read by others/],
  ["not JSON", "{", 0o600, /isn't well-formed JSON/],
  ["of another node", { id: "n2", oscore: oscoreCredentials }, 0o600, /another node than --id/],
  [
    "with an unknown member",
    { oscore: { ...oscoreCredentials, secret: "aa" } },
    0o600,
    /oscore holds a member that isn't known/,
  ],
  [
    "with a short secret",
    { oscore: { ...oscoreCredentials, masterSecret: "aabb" } },
    0o600,
    /masterSecret of 16 to 32/,
  ],
  ["with equal ids", { oscore: { ...oscoreCredentials, recipientId: "00000001" } }, 0o600, /senderId that isn't/],
  [
    "with a secret that is no hex",
    { oscore: { ...oscoreCredentials, masterSecret: "xy" } },
    0o600,
    /oscore.masterSecret isn't hex/,
  ],
  ["with nothing in it", { id: "n1" }, 0o600, /holds neither oscore nor dtls/],
  ["too large", `{"id":"n1"${" ".repeat(9000)}}`, 0o600, /larger than 8192/],
])(
  "credentials that are %s are refused before anything starts, and nothing of them is shown",
  (_what, content, mode, says) =>
    withNodes(async (start) => {
      const node = startNode(start, ["--credentials", writeCredentials(content, mode)]);
      await node.line(says);
      expect(await node.exit).toBe(64);
      expect(node.lines.join("\n")).not.toContain(oscoreCredentials.masterSecret);
      expect(manager.heard.identities).toEqual([]);
    }),
);
