import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ManagerUrls, type Program, startManager } from "../../tools/demo/programs.ts";
import { type ProgramEnd, runOutside } from "./manager-outside.ts";

const cli = join(import.meta.dirname, "../../manager/cli/coxswain.ts");

interface AllUrls extends ManagerUrls {
  readonly coaps: string;
  readonly https: string;
  readonly mqtts: string;
}

/** What `POST /nodes/ID/credentials` gives; the parts of other schemes are missing. */
interface IssuedFile {
  readonly oscore: { readonly masterSecret: string; readonly masterSalt: string; readonly senderId: string };
  readonly dtls: {
    readonly psk: { readonly identity: string; readonly key: string };
    readonly certificate: string;
    readonly key: string;
    readonly ca: string;
  };
}

/** Files of a certificate, as outside programs take them. */
export interface PemFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

/**
 * A manager as people run it: a process of its own, identities on, every listener there, TLS and DTLS too. What outside programs try is held against
 * what it says of itself over HTTP.
 */
export class WholeManager {
  readonly folder: string;
  readonly urls: AllUrls;
  /** The first admin's. */
  readonly token: string;
  readonly #program: Program;
  #files = 0;

  private constructor(folder: string, program: Program, urls: AllUrls) {
    this.folder = folder;
    this.#program = program;
    this.urls = urls;
    this.token = readFileSync(join(urls.dataDir, "admin-token"), "utf8").trim();
  }

  static async start(
    flags: readonly string[] = [],
    environment: Readonly<Record<string, string>> = {},
  ): Promise<WholeManager> {
    const folder = mkdtempSync(join(tmpdir(), "coxswain-whole-"));
    const own = ["--no-mdns", "--no-discovery", "--tls-mode", "on", "--https-port", "0", "--mqtts-port", "0"];
    const log = ["--log-level", "debug"];
    const plan = { isSecure: true, flags: [...own, ...log, ...flags], environment };
    const { program, urls } = await startManager(folder, plan);
    return new WholeManager(folder, program, urls as AllUrls);
  }

  /** The manager's own CA. */
  get caFile(): string {
    return join(this.urls.dataDir, "ca.pem");
  }

  get log(): string {
    return readFileSync(join(this.folder, "manager.log"), "utf8");
  }

  /** As an admin; the answer's status and body. */
  async api(method: string, path: string, body?: unknown): Promise<{ status: number; json: Record<string, unknown> }> {
    const response = await fetch(`${this.urls.http}/api/v1${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.token}`,
        ...(body !== undefined && { "content-type": "application/json" }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, json: text === "" ? {} : (JSON.parse(text) as Record<string, unknown>) };
  }

  /** Credentials of a node, and the files that outside programs take. */
  async issue(node: string, scheme: "oscore" | "psk" | "x509"): Promise<IssuedFile> {
    const { status, json } = await this.api("POST", `/nodes/${node}/credentials`, { scheme });
    if (status !== 201) throw new Error(`${status} ${JSON.stringify(json)}`);
    return json["credentials"] as IssuedFile;
  }

  /** A node with a certificate of the manager's own CA. */
  async certificate(node: string): Promise<PemFiles> {
    const { dtls } = await this.issue(node, "x509");
    return { certFile: this.file(dtls.certificate), keyFile: this.file(dtls.key) };
  }

  async revoke(node: string): Promise<void> {
    const { status } = await this.api("DELETE", `/nodes/${node}/credentials`);
    if (status !== 204) throw new Error(`revoking ${node}: ${status}`);
  }

  /** The name of a new file with that text. */
  file(text: string): string {
    const name = join(this.folder, `file-${this.#files++}.pem`);
    writeFileSync(name, text, { mode: 0o600 });
    return name;
  }

  async isRegistered(node: string): Promise<boolean> {
    return (await this.api("GET", `/nodes/${node}`)).status === 200;
  }

  /** The `status` of a node's last health report; undefined: there is none. */
  async healthOf(node: string): Promise<string | undefined> {
    const { json } = await this.api("GET", `/nodes/${node}`);
    const { health } = json as { readonly health?: { readonly value?: { readonly status?: string } } | null };
    return health?.value?.status;
  }

  /** A count of /metrics. */
  async metric(name: string): Promise<number> {
    const headers = { authorization: `Bearer ${this.token}` };
    const text = await (await fetch(`${this.urls.http}/metrics`, { headers })).text();
    const line = text.split("\n").find((each) => each.startsWith(`${name} `));
    if (line === undefined) throw new Error(`${name} is not on /metrics`);
    return Number(line.split(" ")[1]);
  }

  /** The operator's command line on the manager's machine. */
  coxswain(...args: readonly string[]): Promise<ProgramEnd> {
    return runOutside(process.execPath, [cli, ...args, "--url", this.urls.http, "--data-dir", this.urls.dataDir]);
  }

  /** Reads certificates and revocation lists anew. */
  hangUp(): void {
    process.kill(this.#program.pid, "SIGHUP");
  }

  async end(): Promise<void> {
    await this.#program.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
