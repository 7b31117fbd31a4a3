import type { CanFrame } from "../../schemas/wire/can.ts";

/** What follows each frame before the next may begin (ISO 11898-1: intermission). */
const intermissionBits = 3;
/** CRC delimiter, ACK slot and delimiter, end of frame: never stuffed. */
const tailBits = 1 + 2 + 7;

/**
 * Bits that a data frame takes on the bus, stuffing and intermission counted exactly (ISO 11898-1):
 *
 *     SOF id(11) RTR IDE r0 DLC(4) data CRC(15) | delimiter ACK EOF(7) intermission(3)
 *     SOF id(11) SRR IDE id(18) RTR r1 r0 DLC(4) data CRC(15) | ...
 *
 * From SOF to the end of the CRC a bit of the other value is stuffed in after five alike.
 */
export function frameBits({ id, isExtended, data }: CanFrame): number {
  const bits = new BitCounter();
  bits.put(0, 1);
  if (isExtended) {
    bits.put(id >>> 18, 11);
    bits.put(0b11, 2);
    bits.put(id & 0x3ffff, 18);
    bits.put(0, 3);
  } else {
    bits.put(id, 11);
    bits.put(0, 3);
  }
  bits.put(data.length, 4);
  for (const byte of data) bits.put(byte, 8);
  bits.put(bits.checksum, 15);
  return bits.count + tailBits + intermissionBits;
}

/** The order in which two frames that begin at once win the bus: the lower number wins; equal ones collide. */
export function arbitrationValue({ id, isExtended }: CanFrame): number {
  // The base identifier first; then an 11-bit frame's dominant RTR and IDE beat a 29-bit one's recessive SRR and IDE.
  return isExtended ? (id >>> 18) * 2 ** 20 + 2 ** 19 + (id & 0x3ffff) : id * 2 ** 20;
}

class BitCounter {
  count = 0;
  /** CRC-15 of the bits so far, polynomial 0x4599, over unstuffed bits. */
  checksum = 0;
  #last = -1;
  #run = 0;

  put(value: number, bits: number): void {
    for (let at = bits - 1; at >= 0; at--) this.#bit((value >>> at) & 1);
  }

  #bit(bit: number): void {
    const isOdd = ((this.checksum >>> 14) ^ bit) & 1;
    this.checksum = (this.checksum << 1) & 0x7fff;
    if (isOdd) this.checksum ^= 0x4599;
    this.count++;
    this.#run = bit === this.#last ? this.#run + 1 : 1;
    this.#last = bit;
    if (this.#run < 5) return;
    // The stuffed bit counts towards the next run.
    this.count++;
    this.#last = 1 - bit;
    this.#run = 1;
  }
}
