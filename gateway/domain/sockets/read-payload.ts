/** Payloads of sockets are small; a larger one is none of ours. */
export const maxSocketPayload = 4096;

const text = new TextDecoder("utf-8", { fatal: true });

/** The payload as text; undefined when it is too large or no UTF-8. */
export function payloadText(payload: Uint8Array): string | undefined {
  if (payload.length > maxSocketPayload) return undefined;
  try {
    return text.decode(payload);
  } catch {
    return undefined;
  }
}

/** What lies in a JSON payload under a path of member names; undefined when there is nothing. */
export function memberOf(payload: Uint8Array, path: readonly string[]): unknown {
  const written = payloadText(payload);
  if (written === undefined) return undefined;
  try {
    let value: unknown = JSON.parse(written);
    for (const name of path) {
      if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return undefined;
      value = (value as Readonly<Record<string, unknown>>)[name];
    }
    return value;
  } catch {
    return undefined;
  }
}

/** A finite number that is none below zero: sockets measure what is drawn. */
export function amountOf(value: unknown): number | undefined {
  const amount = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  return typeof amount === "number" && Number.isFinite(amount) && amount >= 0 ? amount : undefined;
}
