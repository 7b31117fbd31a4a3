import { toHex } from "../../schemas/wire/hex.ts";
import type { Measurement } from "../../schemas/wire/senml.ts";
import type { TelemetryPoint } from "../ports/telemetry-store.ts";

/**
 * Points of one node's pack. A series is the SenML name without the node's own prefix (`ID/`, `ID:` or `urn:dev:...:ID:`).
 * A sum without a value is a series of its own, `NAME#sum`; opaque bytes are kept as hexadecimal digits.
 */
export function telemetryPoints(
  node: string,
  measurements: readonly Measurement[],
  receivedMs: number,
): TelemetryPoint[] {
  return measurements.flatMap(({ name, unit, timeMs, value, sum }) => {
    const series = seriesOf(name, node);
    const base = { node, timeMs, receivedMs };
    const points: TelemetryPoint[] = [];
    if (value !== undefined) {
      const kept = value instanceof Uint8Array ? toHex(value) : value;
      points.push({ ...base, series, ...(unit !== undefined && { unit }), value: kept });
    }
    if (sum !== undefined) points.push({ ...base, series: `${series}#sum`, value: sum });
    return points;
  });
}

function seriesOf(name: string, node: string): string {
  const at = name.indexOf(node);
  const next = name.charAt(at + node.length);
  const isPrefix = at === 0 || (at > 0 && name.startsWith("urn:dev:"));
  if (!isPrefix || (next !== "/" && next !== ":")) return name;
  return name.slice(at + node.length + 1) || name;
}
