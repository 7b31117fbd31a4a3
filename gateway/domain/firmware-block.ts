import type { FirmwareBlock, FirmwareData } from "../../schemas/generated/can.ts";
import { crc32 } from "./crc32.ts";

/** Bytes of a block; the last one of a part has what is left. */
export const firmwareBlockSize = 1024;
const chunkSize = 7;

export function firmwareBlocks(size: number): number {
  return Math.ceil(size / firmwareBlockSize);
}

/** The frame that closes a block, with the checksum of its bytes. */
export function blockEnd(target: number, block: number, bytes: Uint8Array): FirmwareBlock {
  return { frame: "FirmwareBlock", target, block, checksum: crc32(bytes) };
}

/** The frames that carry the bytes of a block: 147 for a whole one. */
export function blockData(bytes: Uint8Array): FirmwareData[] {
  const frames: FirmwareData[] = [];
  for (let at = 0, chunk = 0; at < bytes.length; at += chunkSize, chunk++) {
    frames.push({ frame: "FirmwareData", chunk, data: bytes.subarray(at, at + chunkSize) });
  }
  return frames;
}
