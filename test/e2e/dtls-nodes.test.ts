import { execFile } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { NodeView } from "../../manager/app/api/registry.ts";
import { firmware, type ManagerUrls, Program, stampImage, startManager } from "../../tools/demo/programs.ts";
import { hasDtls } from "../integration/dtls-harness.ts";
import { type OwnPorts, ownPorts } from "./own-ports.ts";
import type { AttemptSeen } from "./real-manager.ts";

const cli = join(import.meta.dirname, "../../manager/cli/coxswain.ts");
const folder = mkdtempSync(join(tmpdir(), "coxswain-dtls-"));
const programs: Program[] = [];
let manager: ManagerUrls;
let program: Program;
let ports: OwnPorts;
let token = "";

/** What `coxswain node add --json` says. */
interface Added {
  readonly file: string;
  readonly command: string;
  readonly manager: string;
  readonly scheme: string;
  readonly credentials: { readonly id: string; readonly dtls: { readonly psk?: { identity: string; key: string } } };
}

interface Seen {
  readonly node: NodeView;
  readonly health: { readonly value: { readonly digest?: string; readonly confirmed?: boolean } } | null;
}

/** The operator's command line, in the folder of the nodes. */
async function coxswain<T>(...words: readonly string[]): Promise<T> {
  const env = { ...process.env, COXSWAIN_URL: manager.http, COXSWAIN_DATA_DIR: manager.dataDir };
  const { stdout } = await promisify(execFile)(process.execPath, [cli, ...words, "--json"], { cwd: folder, env });
  return JSON.parse(stdout) as T;
}

async function get<T>(path: string): Promise<T> {
  const response = await fetch(`${manager.http}/api/v1${path}`, { headers: { authorization: `Bearer ${token}` } });
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return (await response.json()) as T;
}

async function metric(line: string): Promise<number> {
  const response = await fetch(`${manager.http}/metrics`, { headers: { authorization: `Bearer ${token}` } });
  const found = (await response.text()).split("\n").find((each) => each.startsWith(`${line} `));
  return Number(found?.slice(line.length + 1));
}

const node = (id: string): Promise<Seen | undefined> => get<Seen>(`/nodes/${id}`).catch(() => undefined);
const online = async (id: string): Promise<string> => (await node(id))?.node.presence.state ?? "unknown to the manager";
const soon = (what: () => Promise<unknown>) => expect.poll(what, { timeout: 60_000, interval: 100 });

/** By the command that `node add` printed, as a person would copy it. */
function start(command: string, name: string, flags = ""): Program {
  const program = new Program(name, "sh", ["-c", `cd '${folder}' && exec ${command} --interface lo ${flags}`], folder);
  programs.push(program);
  return program;
}

/** On ports that it keeps when it is killed. */
async function startTheManager(): Promise<void> {
  const flags = ["--no-mdns", "--no-discovery"];
  ({ program, urls: manager } = await startManager(folder, { isSecure: true, flags, ports }));
}

const logOf = (name: string): string => readFileSync(join(folder, `${name}.log`), "utf8");

describe.runIf(hasDtls())("nodes over DTLS", () => {
  beforeAll(async () => {
    ports = await ownPorts();
    await startTheManager();
    token = readFileSync(join(manager.dataDir, "admin-token"), "utf8").trim();
  });
  afterAll(async () => {
    for (const each of programs.reverse()) await each.stop();
    await program.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  test("a wrong pre-shared key lets nobody in", async () => {
    const {
      file,
      command,
      credentials,
      manager: url,
    } = await coxswain<Added>("node", "add", "burglar", "--psk", "--out", "burglar.json");
    expect(url).toMatch(/^coaps:\/\/127\.0\.0\.1:\d+$/);
    expect(command).toContain(`--manager ${url}`);
    const identity = credentials.dtls.psk?.identity ?? "";
    expect(identity).toBe("burglar");
    const wrong = { id: "burglar", dtls: { psk: { identity, key: "00".repeat(24) } } };
    writeFileSync(join(folder, file), JSON.stringify(wrong));
    const program = start(command, "burglar");
    await soon(async () => logOf("burglar")).toMatch(/dtls: .*(doesn't answer|refused|failed)/);
    expect(await node("burglar")).toBeUndefined();
    expect(await metric("coxswain_dtls_sessions")).toBe(0);
    await program.stop();
  });

  test.each(["psk", "x509"])(
    "by %s a node registers, beats, is observed, and comes back from an update",
    async (scheme) => {
      const id = `porch-${scheme}`;
      const { command } = await coxswain<Added>("node", "add", id, `--${scheme}`, "--out", `${id}.json`);
      start(command, id, `--model ${id} --prefer coap --unsigned-updates`);
      await soon(() => online(id)).toBe("online");
      expect((await node(id))?.node.identity).toBe("credential");
      await soon(async () => (await node(id))?.health?.value.digest).toMatch(/^sha256:/);
      // The manager observes it down the session that the node opened.
      await soon(async () => metric("coxswain_app_observed_nodes")).toBeGreaterThan(0);

      const image = await stampImage(firmware("cxnode-node-dtls"), "9.9.9", join(folder, `${id}.bin`));
      const update = [image, "--model", id, "--version", "9.9.9", "--sequence", "2"];
      const requests = async (): Promise<number> =>
        (await get<{ coap: Readonly<Record<string, number>> }>("/system")).coap["requests"] ?? 0;
      const before = await requests();
      await coxswain("update", "create", ...update);
      await coxswain("update", "start", `${id}-9.9.9`, "--node", id);
      const attempt = async (): Promise<AttemptSeen | undefined> => {
        const { attempts } = await get<{ attempts: readonly AttemptSeen[] }>(`/updates/${id}-9.9.9`);
        return attempts.find((each) => each.node === id);
      };
      await soon(async () => (await attempt())?.attempt.state).toBe("succeeded");
      expect((await attempt())?.bytesByWay["coap"]).toBeGreaterThan(100_000);
      // Ten blocks of 1024 bytes for each request: behind DTLS the node fetches by Q-Block2.
      expect((await requests()) - before).toBeLessThan(statSync(image).size / 1024 / 2);
      await soon(async () => (await node(id))?.node.manifest.version).toBe("9.9.9");
      expect((await node(id))?.health?.value.confirmed).toBe(true);
      expect(await online(id)).toBe("online");
    },
  );

  test("a node that says it is another is refused, and that is recorded", async () => {
    const { command, credentials } = await coxswain<Added>("node", "add", "mole", "--psk", "--out", "mole.json");
    writeFileSync(join(folder, "mole-as-porch.json"), JSON.stringify({ dtls: credentials.dtls }));
    chmodSync(join(folder, "mole-as-porch.json"), 0o600);
    const asAnother = command
      .replace("--id mole", "--id garden")
      .replace(/--credentials \S+/, "--credentials mole-as-porch.json")
      .replace("--state mole", "--state garden");
    start(asAnother, "garden");
    await soon(async () => logOf("manager")).toMatch(/"node":"mole","claimed":"garden".*claimed-another/);
    expect(await metric("coxswain_app_credentials_other_identities_total")).toBeGreaterThan(0);
    expect(await node("garden")).toBeUndefined();
    expect(await node("mole")).toBeUndefined();
  });

  test("a manager that was killed comes back with the same CA and keys, and its nodes open new sessions", async () => {
    await program.cut();
    await startTheManager();
    // Those two, and the one that says it is another.
    await soon(() => metric("coxswain_dtls_sessions")).toBeGreaterThan(2);
    for (const id of ["porch-psk", "porch-x509"]) await soon(() => online(id)).toBe("online");
  });

  test("revoked, a node is refused from its next message on", async () => {
    const id = "porch-psk";
    const before = await metric('coxswain_dtls_sessions_ended_total{how="revoked"}');
    await coxswain("node", "revoke", id);
    expect(await metric('coxswain_dtls_sessions_ended_total{how="revoked"}')).toBeGreaterThan(before);
    // Its poll is two seconds: in five it has tried, and nothing that it said counted.
    await soon(async () => (await node(id))?.node.presence.heardAgoMs ?? 0).toBeGreaterThan(5_000);
    await soon(() => metric("coxswain_dtls_psk_identities_unknown_total")).toBeGreaterThan(0);
    expect(await online("porch-x509")).toBe("online");
  });
});
