import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { seededEntropy } from "../../kernel/seeded-entropy.ts";
import { VirtualClock } from "../../kernel/virtual-clock.ts";
import { ArtifactFiles } from "../../manager/adapters/storage/artifact-files.ts";

let folder: string;
const stores: ArtifactFiles[] = [];
const open = (more: { maxBytes?: number; maxOpenFiles?: number } = {}): ArtifactFiles => {
  const store = new ArtifactFiles({
    folder,
    clock: new VirtualClock(),
    entropy: seededEntropy(stores.length),
    ...more,
  });
  stores.push(store);
  return store;
};

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "cx-artifacts-"));
});
afterEach(() => {
  for (const store of stores.splice(0)) store.close();
  rmSync(folder, { recursive: true });
});

const bytes = (length: number, seed = 1): Uint8Array => seededEntropy(seed).bytes(length);
const digestOf = (content: Uint8Array): string => `sha256:${createHash("sha256").update(content).digest("hex")}`;

async function* chunks(
  content: Uint8Array,
  size = 1000,
  failAt = Number.POSITIVE_INFINITY,
): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < content.length; at += size) {
    if (at >= failAt) throw new Error("The connection broke.");
    yield content.subarray(at, at + size);
  }
}

async function collect(source: AsyncIterable<Uint8Array> | undefined): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const chunk of source ?? []) parts.push(chunk);
  return new Uint8Array(Buffer.concat(parts));
}

describe("an upload that goes wrong leaves nothing behind:", () => {
  const content = bytes(10_000);
  it.each<[string, string, () => Promise<unknown>]>([
    ["no bytes", "artifacts.empty", () => open().store(chunks(new Uint8Array()))],
    ["too large", "artifacts.too-large", () => open({ maxBytes: 9_999 }).store(chunks(content))],
    ["longer than said", "artifacts.size-mismatch", () => open().store(chunks(content), { size: 9_999 })],
    ["shorter than said", "artifacts.size-mismatch", () => open().store(chunks(content), { size: 10_001 })],
    ["other bytes", "artifacts.digest-mismatch", () => open().store(chunks(content), { digest: digestOf(bytes(5)) })],
    [
      "broken off by its user",
      "artifacts.aborted",
      () => open().store(chunks(content), { signal: AbortSignal.abort() }),
    ],
    ["no space", "artifacts.disk-full", () => open().store(full())],
  ])("%s", async (_, code, store) => {
    await expect(store()).rejects.toMatchObject({ code });
    expect(readdirSync(folder)).toEqual([]);
  });

  it("a connection that breaks", async () => {
    await expect(open().store(chunks(content, 1000, 5000))).rejects.toThrow("The connection broke.");
    expect(readdirSync(folder)).toEqual([]);
  });

  /** What a write to a full disk throws, from where it is thrown into the store: its own loop. */
  async function* full(): AsyncGenerator<Uint8Array> {
    yield content;
    throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC", syscall: "write" });
  }
});

describe("stored artifacts", () => {
  it("are found by digest, in this process and the next, and cleared of broken uploads", async () => {
    const content = bytes(100_001);
    const seen: number[] = [];
    const info = await open().store(chunks(content, 40_000), { progress: (received) => seen.push(received) });
    expect(info).toMatchObject({ digest: digestOf(content), size: 100_001 });
    expect(seen).toEqual([40_000, 80_000, 100_001]);
    writeFileSync(join(folder, `${"0".repeat(64)}.part`), "half");
    const next = open();
    expect(next.list()).toMatchObject([{ digest: info.digest, size: 100_001 }]);
    expect(readdirSync(folder)).toEqual([info.digest.slice(7)]);
    expect(statSync(join(folder, info.digest.slice(7))).mode & 0o077).toBe(0);
    expect(next.find(digestOf(bytes(1)))).toBeUndefined();
    expect(next.open(digestOf(bytes(1)))).toBeUndefined();
    expect(next.stream(digestOf(bytes(1)))).toBeUndefined();
  });

  it("are one however often the same bytes come, also at once", async () => {
    const store = open();
    const content = bytes(5000);
    const infos = await Promise.all([store.store(chunks(content)), store.store(chunks(content, 77))]);
    expect(infos[0]).toEqual(infos[1]);
    expect(readdirSync(folder)).toHaveLength(1);
  });

  it("give any block at any time, in any order, short at the end", async () => {
    const store = open();
    const content = bytes(200_000);
    const { digest } = await store.store(chunks(content));
    const reader = store.open(digest)!;
    const entropy = seededEntropy(9);
    for (let n = 0; n < 500; n++) {
      const length = 2 ** (4 + (entropy.uint32() % 7));
      const offset = entropy.uint32() % 200_100;
      expect(await reader.read(offset, length)).toEqual(content.slice(offset, offset + length));
    }
    expect(await reader.read(0, 150_000)).toEqual(content.slice(0, 150_000));
    expect(await reader.read(200_000, 16)).toEqual(new Uint8Array());
  });

  it("give blocks that stay the caller's", async () => {
    const store = open();
    const content = bytes(3000);
    const reader = store.open((await store.store(chunks(content))).digest)!;
    const first = await reader.read(0, 16);
    first.fill(0);
    expect(await reader.read(0, 16)).toEqual(content.slice(0, 16));
  });

  it("go on giving blocks when more are read than files may be open", async () => {
    const store = open({ maxOpenFiles: 2 });
    const contents = [1, 2, 3, 4].map((seed) => bytes(2000, seed));
    const readers = [];
    for (const content of contents) readers.push(store.open((await store.store(chunks(content))).digest)!);
    for (let round = 0; round < 3; round++) {
      for (const [index, reader] of readers.entries()) {
        expect(await reader.read(round * 16, 16)).toEqual(contents[index]!.slice(round * 16, round * 16 + 16));
      }
    }
  });

  it("stream any range", async () => {
    const store = open();
    const content = bytes(600_000);
    const { digest } = await store.store(chunks(content, 65_536));
    expect(await collect(store.stream(digest))).toEqual(content);
    expect(await collect(store.stream(digest, { start: 10, end: 300_000 }))).toEqual(content.slice(10, 300_000));
    expect(await collect(store.stream(digest, { start: 599_999, end: 900_000 }))).toEqual(content.slice(599_999));
    expect(await collect(store.stream(digest, { start: 5, end: 5 }))).toEqual(new Uint8Array());
  });

  it("aren't served when their file was cut, and the fault says so", async () => {
    const { digest } = await open().store(chunks(bytes(10_000)));
    const next = open();
    truncateSync(join(folder, digest.slice(7)), 5000);
    const reader = next.open(digest)!;
    expect(() => reader.read(0, 16)).toThrowError(expect.objectContaining({ code: "artifacts.damaged" }));
    expect(next.find(digest)).toBeUndefined();
  });

  it("aren't served when their file went away", async () => {
    const store = open();
    const { digest } = await store.store(chunks(bytes(10_000)));
    rmSync(join(folder, digest.slice(7)));
    expect(() => store.open(digest)!.read(0, 16)).toThrowError(expect.objectContaining({ code: "artifacts.io" }));
    await expect(collect(store.stream(digest))).rejects.toMatchObject({ code: "artifacts.io" });
  });

  it("can be removed, once", async () => {
    const store = open();
    const { digest } = await store.store(chunks(bytes(10)));
    expect(await store.remove(digest)).toBe(true);
    expect(await store.remove(digest)).toBe(false);
    expect(existsSync(join(folder, digest.slice(7)))).toBe(false);
    expect(store.find(digest)).toBeUndefined();
  });
});

it("says which folder can't be used", () => {
  const file = join(folder, "a-file");
  writeFileSync(file, "x");
  chmodSync(file, 0o600);
  folder = join(file, "below");
  expect(() => open()).toThrowError(expect.objectContaining({ code: "artifacts.cannot-open" }));
  folder = join(file, "..");
});
