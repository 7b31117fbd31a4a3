import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type TestManager, testManager } from "../integration/manager-harness.ts";
import { runOutside } from "./manager-outside.ts";

const image = Buffer.from(new Uint8Array(300_000).map((_, index) => (index * 13) % 251));
const hex = createHash("sha256").update(image).digest("hex");
const folder = mkdtempSync(join(tmpdir(), "coxswain-curl-"));
const file = join(folder, "image.bin");
let manager: TestManager;
let url: string;

beforeAll(async () => {
  manager = await testManager();
  url = `${manager.urls.http}/artifacts/${hex}`;
  writeFileSync(file, image);
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await manager.end();
});

const curl = (...args: string[]) => runOutside("curl", ["-sS", "--max-time", "10", ...args]);

test("it uploads a file and is told what it was", async () => {
  const { out } = await curl("-T", file, `${manager.urls.http}/api/v1/artifacts/${hex}`);
  expect(JSON.parse(out.toString())).toMatchObject({ digest: `sha256:${hex}`, size: image.length });
});

test("it is refused an upload whose digest is another", async () => {
  const { out } = await curl("-T", file, `${manager.urls.http}/api/v1/artifacts/${"a".repeat(64)}`);
  expect(JSON.parse(out.toString())).toMatchObject({ error: { code: "digest-mismatch" } });
});

test("it gets a range", async () => {
  const { out } = await curl("-r", "1000-1999", url);
  expect(out.equals(image.subarray(1000, 2000))).toBe(true);
  const { out: tail } = await curl("-r", "-100", url);
  expect(tail.equals(image.subarray(-100))).toBe(true);
  const { out: status } = await curl(
    "-r",
    "999999-",
    "-o",
    "/dev/null",
    "-w",
    "%{http_code} %header{content-range}",
    url,
  );
  expect(status.toString()).toBe(`416 bytes */${image.length}`);
});

test("it resumes a download where it was cut", async () => {
  const partial = join(folder, "partial.bin");
  await curl("-o", partial, url);
  truncateSync(partial, 123_456);
  const { out } = await curl("-C", "-", "-o", partial, "-w", "%{http_code} %{size_download}", url);
  expect(out.toString()).toBe(`206 ${image.length - 123_456}`);
  expect(createHash("sha256").update(readFileSync(partial)).digest("hex")).toBe(hex);
});

test("it asks by ETag and gets nothing that it has", async () => {
  const { out } = await curl(
    "-H",
    `If-None-Match: "${hex}"`,
    "-o",
    "/dev/null",
    "-w",
    "%{http_code} %{size_download}",
    url,
  );
  expect(out.toString()).toBe("304 0");
  const { out: head } = await curl("-I", url);
  expect(head.toString()).toMatch(/accept-ranges: bytes/i);
});
