import type { CoapRequest } from "../../../coap/route.ts";

const maxRev = 0xffff_ffff;

/** A `:name` segment of the route's path. The router has matched it, so it is there. */
export function pathPart(request: CoapRequest, name: string): string {
  return request.params[name] as string;
}

/** A whole number of the query: undefined when absent, "bad" when it isn't one from `min` to `max`. */
export function queryInteger(request: CoapRequest, name: string, min: number, max: number): number | undefined | "bad" {
  const text = request.query(name);
  if (text === undefined) return undefined;
  if (text.length === 0 || text.length > 15) return "bad";
  let value = 0;
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return "bad";
    value = value * 10 + digit;
  }
  return value >= min && value <= max ? value : "bad";
}

/** `?r=REV`, the last action the node finished; 0 when absent, "bad" when it is no such number. */
export function queryRev(request: CoapRequest): number | "bad" {
  return queryInteger(request, "r", 0, maxRev) ?? 0;
}
