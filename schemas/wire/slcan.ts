import type { CanFrame } from "./can.ts";

/**
 * CAN over a serial line as Lawicel's CANUSB speaks it ("slcan"), the part that this house uses. A line ends with CR; what a
 * program says to the adapter and what comes back:
 *
 *     S6 CR            bit rate (0..8: 10 k, 20 k, 50 k, 100 k, 125 k, 250 k, 500 k, 800 k, 1 M)   -> CR, or BEL
 *     O CR, L CR, C CR open, open to listen only, close                                         -> CR, or BEL
 *     tIIILDD.. CR     frame of 11 bits: 3 hex digits of id, length 0..8, bytes                 -> z CR, or BEL
 *     TIIIIIIIILDD..   frame of 29 bits: 8 hex digits of id                                     -> Z CR, or BEL
 *     F CR             status                                                                   -> Fxx CR
 *     V CR, N CR       version, serial number                                                   -> Vhhss CR, Nxxxx CR
 *     Z0 CR, Z1 CR     time stamps off, on                                                      -> CR
 *     tIIILDD..[SSSS]  by itself: a frame that was received, with a time stamp where those are on
 *
 * Hex digits may come in either case and are written upper. Remote frames (r, R) carry nothing that this house knows.
 */
export type SlcanLine =
  | { readonly kind: "frame"; readonly frame: CanFrame }
  | { readonly kind: "remote-frame" }
  | { readonly kind: "open" | "listen" | "close" | "get-status" | "get-version" | "get-serial" }
  | { readonly kind: "bit-rate"; readonly bitRate: number }
  | { readonly kind: "time-stamps"; readonly isOn: boolean }
  /** The answer to a frame: z, Z. */
  | { readonly kind: "sent" }
  /** A bare CR. */
  | { readonly kind: "ok" }
  | { readonly kind: "status"; readonly flags: number }
  | { readonly kind: "text"; readonly text: string };

/** Bits of `F`. Bus-off stands in the bit that Lawicel left unused: only the virtual bus says it. */
export const slcanFlags = {
  receiveQueueFull: 0x01,
  sendQueueFull: 0x02,
  errorWarning: 0x04,
  overrun: 0x08,
  busOff: 0x10,
  errorPassive: 0x20,
  arbitrationLost: 0x40,
  busError: 0x80,
} as const;

/** Bit rates by the digit after S. */
export const slcanBitRates: readonly number[] = [
  10_000, 20_000, 50_000, 100_000, 125_000, 250_000, 500_000, 800_000, 1_000_000,
];

/** Longest line that is looked at: T, 8, 1, 16, a time stamp of 4. */
export const longestSlcanLine = 30;

/** A frame as its line, without the CR. Throws a RangeError for what no CAN frame can be. */
export function slcanOfFrame({ id, isExtended, data }: CanFrame): string {
  if (!(Number.isInteger(id) && id >= 0 && id < (isExtended ? 2 ** 29 : 2 ** 11)))
    throw new RangeError(`no ${isExtended ? 29 : 11}-bit identifier: ${id}`);
  if (data.length > 8) throw new RangeError(`a CAN frame has at most 8 bytes, not ${data.length}`);
  let line =
    (isExtended ? "T" : "t") +
    id
      .toString(16)
      .toUpperCase()
      .padStart(isExtended ? 8 : 3, "0") +
    data.length;
  for (const byte of data) line += byte.toString(16).toUpperCase().padStart(2, "0");
  return line;
}

/** What a line without its CR says; undefined when it is none. Never throws. */
export function parseSlcan(line: string): SlcanLine | undefined {
  const rest = line.slice(1);
  switch (line[0]) {
    case undefined:
      return { kind: "ok" };
    case "t":
      return frameOf(line, 3, false);
    case "T":
      return frameOf(line, 8, true);
    case "r":
      return /^[0-9A-Fa-f]{3}[0-8]([0-9A-Fa-f]{4})?$/.test(rest) ? { kind: "remote-frame" } : undefined;
    case "R":
      return /^[01][0-9A-Fa-f]{7}[0-8]([0-9A-Fa-f]{4})?$/.test(rest) ? { kind: "remote-frame" } : undefined;
    case "z":
      return rest === "" ? { kind: "sent" } : undefined;
    case "Z":
      if (rest === "") return { kind: "sent" };
      return rest === "0" || rest === "1" ? { kind: "time-stamps", isOn: rest === "1" } : undefined;
    case "S": {
      const bitRate = /^[0-8]$/.test(rest) ? slcanBitRates[Number(rest)] : undefined;
      return bitRate === undefined ? undefined : { kind: "bit-rate", bitRate };
    }
    case "O":
      return rest === "" ? { kind: "open" } : undefined;
    case "L":
      return rest === "" ? { kind: "listen" } : undefined;
    case "C":
      return rest === "" ? { kind: "close" } : undefined;
    case "F":
      if (rest === "") return { kind: "get-status" };
      return /^[0-9A-Fa-f]{2}$/.test(rest) ? { kind: "status", flags: Number.parseInt(rest, 16) } : undefined;
    case "V":
      return rest === "" ? { kind: "get-version" } : { kind: "text", text: line };
    case "N":
      return rest === "" ? { kind: "get-serial" } : { kind: "text", text: line };
    default:
      return undefined;
  }
}

function frameOf(line: string, idDigits: number, isExtended: boolean): SlcanLine | undefined {
  const head = 1 + idDigits + 1;
  const length = line.charCodeAt(head - 1) - 0x30;
  if (!(line.length >= head && length >= 0 && length <= 8)) return undefined;
  const end = head + 2 * length;
  if (line.length !== end && line.length !== end + 4) return undefined;
  if (!/^[0-9A-Fa-f]+$/.test(line.slice(1))) return undefined;
  const id = Number.parseInt(line.slice(1, 1 + idDigits), 16);
  if (id >= (isExtended ? 2 ** 29 : 2 ** 11)) return undefined;
  const data = new Uint8Array(length);
  for (let i = 0; i < length; i++) data[i] = Number.parseInt(line.slice(head + 2 * i, head + 2 * i + 2), 16);
  return { kind: "frame", frame: { id, isExtended, data } };
}

const cr = 0x0d;
const bel = 0x07;
const lf = 0x0a;

/** Cuts a stream of bytes into lines. What is too long to be a line is dropped to its end and told as garbage. */
export class SlcanReader {
  #text = "";
  #isTooLong = false;

  /** Calls back in order: a line without its end, "error" for BEL, "garbage" for what was too long or no ASCII. */
  read(bytes: Uint8Array, told: (line: string, end: "line" | "error" | "garbage") => void): void {
    for (const byte of bytes) {
      if (byte === lf) continue;
      if (byte === cr || byte === bel) {
        const text = this.#text;
        const wasTooLong = this.#isTooLong;
        this.reset();
        if (wasTooLong || (byte === bel && text !== "")) told("", "garbage");
        else if (byte === cr) told(text, "line");
        if (byte === bel) told("", "error");
      } else if (this.#text.length >= longestSlcanLine || byte < 0x20 || byte > 0x7e) {
        this.#isTooLong = true;
      } else {
        this.#text += String.fromCharCode(byte);
      }
    }
  }

  /** Forgets the line that has begun. */
  reset(): void {
    this.#text = "";
    this.#isTooLong = false;
  }
}
