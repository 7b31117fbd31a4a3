import type { Random } from "./endpoint/random.ts";

/** Bytes that formats have a meaning for. */
const telling = [
  0, 1, 0x0d, 0x0e, 0x0f, 0x20, 0x22, 0x2c, 0x3b, 0x3c, 0x3e, 0x3d, 0x5b, 0x7b, 0x7f, 0x80, 0x9f, 0xd0, 0xe0, 0xff,
];

/** Another input from one that is known, and now and then a second one. */
export function mutate(input: Uint8Array, other: Uint8Array, random: Random, maxLength: number): Uint8Array {
  const bytes = [...input];
  for (let times = 1 << random.below(4); times > 0; times--) change(bytes, other, random);
  return Uint8Array.from(bytes.slice(0, maxLength));
}

function change(bytes: number[], other: Uint8Array, random: Random): void {
  const at = random.below(bytes.length + 1);
  const count = 1 + random.below(random.once(4) ? 32 : 4);
  switch (random.below(8)) {
    case 0:
      if (at < bytes.length) bytes[at] = bytes[at]! ^ (1 << random.below(8));
      return;
    case 1:
      if (at < bytes.length) bytes[at] = random.below(256);
      return;
    case 2:
      if (at < bytes.length) bytes[at] = random.pick(telling);
      return;
    case 3:
      if (at < bytes.length) bytes[at] = (bytes[at]! + random.pick([1, 255, 2, 254])) & 255;
      return;
    case 4:
      bytes.splice(at, count);
      return;
    case 5:
      bytes.splice(
        at,
        0,
        ...Array.from({ length: count }, () => (random.once(2) ? random.pick(telling) : random.below(256))),
      );
      return;
    case 6:
      bytes.splice(at, 0, ...bytes.slice(random.below(bytes.length + 1)).slice(0, count));
      return;
    default: {
      const from = random.below(other.length + 1);
      bytes.splice(at, random.once(2) ? count : 0, ...other.slice(from, from + count * 4));
    }
  }
}
