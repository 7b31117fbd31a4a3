import type { PackFacts } from "./pack-facts.ts";
import { packMeasures } from "./pack-report.ts";

/** A value so old is history, not telemetry. */
const freshMs = 30_000;
const encoder = new TextEncoder();

/**
 * A pack's telemetry as SenML JSON (RFC 8428): W, V, A, %, and relays and modes as booleans. Undefined when it is silent or said nothing
 * lately: what isn't known isn't sent again as if it were new.
 */
export function packSenml(facts: PackFacts, nowMs: number): Uint8Array | undefined {
  const { state, heardAtMs, isSilent } = facts;
  if (isSilent || heardAtMs === undefined || nowMs - heardAtMs > freshMs) return undefined;
  const flags: [string, boolean][] =
    state === undefined
      ? []
      : [
          ["relay-grid", state.gridClosed],
          ["relay-output", state.outputClosed],
          ["relay-pump", state.pumpClosed],
          ["relay-heater", state.heaterClosed],
          ["locked-out", state.isLockedOut],
          ["master", state.isMaster],
        ];
  const records: Record<string, unknown>[] = [
    ...packMeasures(facts).map(({ name, unit, value }) => ({ n: name, u: unit, v: value })),
    ...flags.map(([n, vb]) => ({ n, vb })),
  ];
  const [first, ...rest] = records;
  if (first === undefined) return undefined;
  return encoder.encode(JSON.stringify([{ bt: Math.floor(heardAtMs / 1000), ...first }, ...rest]));
}
