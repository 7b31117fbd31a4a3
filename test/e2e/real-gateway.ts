import { type ChildProcess, spawn } from "node:child_process";
import { request } from "node:http";
import { join } from "node:path";
import { connectAsync, type MqttClient } from "mqtt";
import { CanHub } from "../../gateway/adapters/can/can-hub.ts";
import { silentLog } from "../../kernel/log.ts";
import { systemClock } from "../../kernel/system/system-clock.ts";
import type { SiteInvitation } from "../../schemas/generated/types.ts";
import { phoneUser } from "../../schemas/wire/site-users.ts";

export interface ReadyGateway {
  readonly app: string;
  readonly appTls: string;
  readonly mqtt: string;
  readonly site: string;
  readonly fingerprint: string;
}

/** The gateway as a process of its own, as an operator starts it. */
export class RealGateway {
  readonly ready: ReadyGateway;
  readonly log: string[];
  readonly #process: ChildProcess;
  readonly #folder: string;

  private constructor(process: ChildProcess, ready: ReadyGateway, log: string[], folder: string) {
    this.#process = process;
    this.ready = ready;
    this.log = log;
    this.#folder = folder;
  }

  static async start(folder: string, can: string, flags: readonly string[] = []): Promise<RealGateway> {
    const ports = ["http", "https", "mqtt", "mqtts"].flatMap((each) => [`--${each}-port`, "0"]);
    const own = ["gateway", "--json", "--data-dir", folder, "--can", can, "--site", "home-7", ...ports, ...flags];
    const program = new URL("../../manager/cli/coxswain.ts", import.meta.url).pathname;
    const child = spawn(process.execPath, [program, ...own], { stdio: ["ignore", "pipe", "pipe"] });
    const log: string[] = [];
    child.stderr.setEncoding("utf8").on("data", (text: string) => void log.push(text));
    const line = await new Promise<string>((resolve, reject) => {
      child.stdout.setEncoding("utf8").once("data", resolve);
      child.once("exit", (code) => reject(new Error(`the gateway ended with ${code}: ${log.join("")}`)));
    });
    return new RealGateway(child, JSON.parse(line) as ReadyGateway, log, folder);
  }

  /** Adds a phone by the control socket, as the command on the same machine does. */
  async phone(name: string): Promise<SiteInvitation & { readonly homePassword: string }> {
    const body = JSON.stringify({ name });
    const text = await new Promise<string>((resolve, reject) => {
      const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
      const asked = request({
        socketPath: join(this.#folder, "control.sock"),
        method: "POST",
        path: "/phones",
        headers,
      });
      asked.on("error", reject).on("response", (answer) => {
        let whole = "";
        answer.setEncoding("utf8").on("data", (part: string) => {
          whole += part;
        });
        answer.on("end", () => resolve(whole));
      });
      asked.end(body);
    });
    return (JSON.parse(text) as { invitation: SiteInvitation & { homePassword: string } }).invitation;
  }

  async join({ phone, homePassword }: { phone: string; homePassword: string }): Promise<MqttClient> {
    const url = `${this.ready.app.replace("http:", "ws:").replace("/app/", "")}/mqtt`;
    const user = phoneUser(this.ready.site, phone);
    return await connectAsync(url, { clientId: user, username: user, password: homePassword, reconnectPeriod: 0 });
  }

  kill(signal: NodeJS.Signals = "SIGKILL"): Promise<number | null> {
    return new Promise((resolve) => {
      if (this.#process.exitCode !== null || this.#process.signalCode !== null) resolve(this.#process.exitCode);
      this.#process.once("exit", resolve);
      this.#process.kill(signal);
    });
  }
}

export async function realHub(): Promise<CanHub> {
  const hub = new CanHub({ clock: systemClock, log: silentLog, at: { host: "127.0.0.1", port: 0 } });
  await hub.start();
  return hub;
}
