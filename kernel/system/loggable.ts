const secretWords = new Set(
  "password passwd passphrase pwd key psk token secret pin credential authorization cookie jwt".split(" "),
);
const redacted = "[redacted]";
const longestText = 4096;
const longestList = 64;
const deepest = 6;
const shownBytes = 16;

/**
 * What of `value` may stand in a log line: secrets replaced (by the name of the key that holds them, and user:password in
 * URLs), bytes as hex, errors as data, and everything bounded in depth and length.
 */
export function loggable(value: unknown, depth = 0): unknown {
  if (typeof value === "string") return text(value);
  if (typeof value === "bigint" || typeof value === "symbol") return String(value);
  if (typeof value === "function") return `[function ${value.name}]`;
  if (value === null || typeof value !== "object") return value;
  if (depth >= deepest) return "[too deep]";
  if (value instanceof Uint8Array) return bytes(value);
  if (value instanceof Error) return error(value, depth);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "[invalid date]" : value.toISOString();
  if (value instanceof Map) return loggable(Object.fromEntries(value), depth);
  if (value instanceof Set) return loggable([...value], depth);
  if (Array.isArray(value)) return list(value, depth);
  const plain: Record<string, unknown> = {};
  let count = 0;
  for (const [key, item] of Object.entries(value)) {
    if (++count > longestList) {
      plain["..."] = "[more left out]";
      break;
    }
    plain[key] = isSecretName(key) && item !== undefined && item !== null ? redacted : loggable(item, depth + 1);
  }
  return plain;
}

/** Whole words count, so `apiKey`, `mqtt_password` and `PIN` are secrets, `ping`, `keyboard` and `mapping` aren't. */
export function isSecretName(name: string): boolean {
  const words = name
    .replace(/([a-z0-9])([A-Z])/g, "$1 $2")
    .toLowerCase()
    .split(/[^a-z]+/);
  return words.some(
    (word) => secretWords.has(word) || secretWords.has(word.replace(/s$/, "")) || word.includes("password"),
  );
}

function text(value: string): string {
  const shown = value.length > longestText ? `${value.slice(0, longestText)}... (${value.length} characters)` : value;
  return shown.includes("://") ? shown.replace(/(:\/\/[^/\s:@]*):[^/\s@]+@/g, `$1:${redacted}@`) : shown;
}

function bytes(value: Uint8Array): string {
  const hex = Buffer.from(value.buffer, value.byteOffset, Math.min(value.length, shownBytes)).toString("hex");
  return value.length > shownBytes ? `${hex}... (${value.length} bytes)` : hex;
}

function list(value: readonly unknown[], depth: number): unknown[] {
  const items = value.slice(0, longestList).map((item) => loggable(item, depth + 1));
  if (value.length > longestList) items.push(`[${value.length - longestList} more]`);
  return items;
}

function error(value: Error, depth: number): Record<string, unknown> {
  const { name, message, stack, cause } = value;
  // Own properties carry what makes the error findable: code, errno, a fault's data.
  const own = loggable({ ...value }, depth + 1);
  return {
    ...(typeof own === "object" ? own : {}),
    name,
    message: text(message),
    ...(stack === undefined ? {} : { stack: text(stack) }),
    ...(cause === undefined ? {} : { cause: loggable(cause, depth + 1) }),
  };
}
