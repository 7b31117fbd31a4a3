import { isIP } from "node:net";
import type { SettingProblem, SettingSource } from "../kernel/settings-load.ts";
import type { Settings } from "./settings.ts";

const leastWithSecurity = 10;
const strength: Record<SettingSource, number> = { default: 0, file: 1, environment: 2, flag: 3 };

/**
 * What no single setting can say: which of them exclude each other. `sources` matters for one rule: an address that listens beyond
 * this machine counts as named under `insecure` only when it was said at least as loudly as `insecure` itself, so that a
 * file made for a secured manager and a quick `--insecure` don't open it to the network.
 */
export function settingConflicts(
  settings: Settings,
  sources: ReadonlyMap<string, SettingSource>,
): readonly SettingProblem[] {
  const problems: SettingProblem[] = [];
  const conflict = (message: string): void => void problems.push({ code: "conflict", message });
  const loudness = (name: string): number => strength[sources.get(name) ?? "default"];

  for (const name of ["poll", "report"] as const) {
    if (settings.insecure || isLoopbackHost(settings.coap.host) || settings[name] >= leastWithSecurity) continue;
    conflict(
      `${name}: ${settings[name]} s is only for trying things out on one machine; set at least ${leastWithSecurity} s`,
    );
  }
  const { certificate, key, ca, crl } = settings.coaps;
  const given = [certificate, key, ca].filter((file) => file !== "").length;
  if (given !== 0 && given !== 3) {
    conflict(
      "coaps: certificate, key and ca belong together; name all three files, or none for a CA of the manager's own",
    );
  }
  if (crl !== "" && given === 0)
    conflict("coaps.crl: is only for a CA that coaps.ca names; the manager's own needs no list");
  if ((settings.tls.certificate === "") !== (settings.tls.key === "")) {
    conflict(
      "tls: certificate and key belong together; name both files, or none for the manager's own CA to make them",
    );
  }
  for (const group of ["coap", "http", "mqtt"] as const) {
    const { host } = settings[group];
    if (isLoopbackHost(host)) continue;
    const name = `${group}.host`;
    if (settings.insecure && loudness(name) < loudness("insecure")) {
      conflict(
        `${name}: ${host} is reachable from other machines and insecure is set by ${sources.get("insecure")}; ` +
          `leave ${name} on 127.0.0.1, or name the address by ${sources.get("insecure")} too if that is meant`,
      );
    }
    if (isWildcardHost(host) && settings.publicHost === "") {
      conflict(`publicHost: must be set when ${name} is ${host}, since nodes can't be sent to every address at once`);
    }
  }
  return problems;
}

/** Whether only this machine reaches a listener there. A name other than localhost is taken for routable. */
export function isLoopbackHost(host: string): boolean {
  if (host === "localhost" || host === "::1") return true;
  return isIP(host) === 4 ? host.startsWith("127.") : /^::ffff:127\./i.test(host);
}

export function isWildcardHost(host: string): boolean {
  return host === "" || host === "0.0.0.0" || host === "::";
}
