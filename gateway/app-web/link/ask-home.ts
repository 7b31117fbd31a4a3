import { validateSiteHome } from "../../../schemas/generated/raw-validators.ts";
import type { SiteHome } from "../../../schemas/generated/types.ts";
import type { Place } from "./link-machine.ts";

export interface HomeQuestion {
  readonly site: string;
  /** Scheme, host and port of where the gateway might be, best first. */
  readonly bases: readonly string[];
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Asks all addresses at once whose gateway they are; the first that is this site's counts. Undefined: none is. */
export async function askHome({ site, bases, timeoutMs, signal }: HomeQuestion): Promise<Place | undefined> {
  const ended = AbortSignal.any([AbortSignal.timeout(timeoutMs), signal]);
  const questions = bases.map(async (base) => {
    const response = await fetch(`${base}/site.json`, { signal: ended, cache: "no-store", credentials: "omit" });
    const home: unknown = await response.json();
    if (!isHome(home) || home.site !== site) throw new Error(`${base} is another site's`);
    return placeOf(base, home);
  });
  try {
    return await Promise.any(questions);
  } catch {
    return undefined;
  }
}

/** From a page over https browsers refuse plain http, but for the machine itself: such an address isn't worth asking. */
export function askableBases(bases: readonly string[], pageProtocol: string): string[] {
  if (pageProtocol !== "https:") return [...bases];
  return bases.filter(
    (base) => base.startsWith("https:") || /^http:\/\/(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:|$)/.test(base),
  );
}

function placeOf(base: string, home: SiteHome): Place {
  const url = new URL(home.mqttPath ?? "/mqtt", base);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return { kind: "home", url: url.href };
}

function isHome(value: unknown): value is SiteHome {
  return validateSiteHome(value);
}
