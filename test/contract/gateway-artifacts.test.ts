import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { artifactHttp } from "../../gateway/adapters/http/artifact-http.ts";
import { ArtifactFolder } from "../../gateway/adapters/storage/artifact-folder.ts";
import { jsonRecords } from "../../gateway/adapters/storage/json-records.ts";
import { digestFromBytes, digestHex } from "../../schemas/wire/digest.ts";

const bytesOf = (length: number, seed: number): Uint8Array =>
  new Uint8Array(length).map((_, i) => (i * seed + 1) & 255);
const sha256 = (bytes: Uint8Array) => digestFromBytes(createHash("sha256").update(bytes).digest());

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "coxswain-gateway-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("artifacts on the gateway's disk", () => {
  test("of which a part is there are gone on with", async () => {
    const bytes = bytesOf(5_000, 3);
    const store = new ArtifactFolder({ folder, maxBytes: 10_000 });
    const first = await store.open(sha256(bytes), bytes.length);
    await first?.append(bytes.subarray(0, 2_000));
    await first?.sync();
    await first?.close();
    const again = await new ArtifactFolder({ folder, maxBytes: 10_000 }).open(sha256(bytes), bytes.length);
    expect(again?.length).toBe(2_000);
    await again?.append(bytes.subarray(2_000));
    expect(await again?.digest()).toBe(sha256(bytes));
    expect(await again?.read(4_990, 10)).toEqual(bytes.subarray(4_990));
    await expect(again?.read(4_999, 2)).rejects.toThrow(RangeError);
    await again?.close();
  });

  test("that are longer than they should be begin anew", async () => {
    const bytes = bytesOf(100, 5);
    writeFileSync(join(folder, digestHex(sha256(bytes))), new Uint8Array(101));
    const opened = await new ArtifactFolder({ folder, maxBytes: 1_000 }).open(sha256(bytes), bytes.length);
    expect(opened?.length).toBe(0);
    await opened?.close();
  });

  test("go for newer ones, oldest first, but never while they are used", async () => {
    const store = new ArtifactFolder({ folder, maxBytes: 3_000 });
    const kept = [1, 2, 3].map((seed) => bytesOf(1_000, seed));
    const opened = [];
    for (const [i, bytes] of kept.entries()) {
      const each = await store.open(sha256(bytes), bytes.length);
      await each?.append(bytes);
      opened.push(each);
      utimesSync(join(folder, digestHex(sha256(bytes))), i + 1, i + 1);
    }
    await opened[1]?.close();
    await opened[2]?.close();
    const fourth = bytesOf(1_000, 4);
    const newest = await store.open(sha256(fourth), fourth.length);
    const names = [kept[0]!, kept[2]!, fourth].map((each) => digestHex(sha256(each)));
    expect(new Set(readdirSync(folder))).toEqual(new Set(names));
    expect(await store.open(sha256(Uint8Array.of(9)), 3_001)).toBeUndefined();
    expect(await store.open(sha256(Uint8Array.of(9)), 2_500)).toBeUndefined();
    await newest?.close();
    await opened[0]?.close();
  });
});

describe("records", () => {
  test("that can't be read aren't none, and one that was cut while it was written is the one before", async () => {
    const records = jsonRecords(folder);
    expect(await records.load("gw.0a")).toBeUndefined();
    await records.store("gw.0a", { lastRev: 3 });
    writeFileSync(join(folder, "gw.0a.json.new"), '{"lastRev":');
    expect(await jsonRecords(folder).load("gw.0a")).toEqual({ lastRev: 3 });
    writeFileSync(join(folder, "gw.0a.json"), '{"lastRev":');
    await expect(records.load("gw.0a")).rejects.toThrow(SyntaxError);
    await expect(records.load("../gw")).rejects.toThrow(TypeError);
    expect(statSync(join(folder, "gw.0a.json")).mode & 0o777).toBe(0o600);
  });
});

describe("artifacts by HTTP", () => {
  let server: Server;
  let base: string;
  const bytes = bytesOf(3_000, 7);
  const etag = `"${digestHex(sha256(bytes))}"`;
  const answers: ((
    range: string | undefined,
    ifRange: string | undefined,
  ) => readonly [number, object, Uint8Array?])[] = [];
  beforeEach(async () => {
    server = createServer((request, response) => {
      const answer = answers.shift();
      const [status, headers, body] = answer?.(request.headers.range, request.headers["if-range"] as string) ?? [
        500,
        {},
      ];
      response.writeHead(status, { ...headers });
      if (body !== undefined && "cut" in headers) {
        response.write(body, () => response.destroy());
      } else response.end(body);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterEach(async () => {
    answers.length = 0;
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  const never = new AbortController().signal;
  async function read(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
    const all: Uint8Array[] = [];
    for await (const chunk of chunks) all.push(chunk);
    return new Uint8Array(Buffer.concat(all));
  }

  test("say which status they failed with, and why nobody answered", async () => {
    answers.push(
      () => [404, {}],
      () => [403, {}],
      () => [302, { location: "http://elsewhere/" }],
    );
    const source = artifactHttp();
    const from = { offset: 0, etag };
    expect(await source.fetch(base, from, never)).toEqual({ kind: "status", status: 404 });
    expect(await source.fetch(base, from, never)).toEqual({ kind: "status", status: 403 });
    expect(await source.fetch(base, from, never)).toEqual({ kind: "unreachable", reason: "http-302" });
    expect(await source.fetch("http://127.0.0.1:1/", from, never)).toEqual({
      kind: "unreachable",
      reason: "econnrefused",
    });
    expect(await source.fetch("https://127.0.0.1:1/", from, never)).toEqual({ kind: "unreachable", reason: "no-tls" });
    expect(await source.fetch("http://[", from, never)).toEqual({ kind: "unreachable", reason: "bad-uri" });
  });

  test("go on at an offset, and begin anew where the content is another", async () => {
    answers.push(
      (range, ifRange) => {
        expect([range, ifRange]).toEqual(["bytes=1000-", etag]);
        return [206, { "content-range": "bytes 1000-2999/3000" }, bytes.subarray(1_000)];
      },
      () => [200, {}, bytes],
      () => [206, { "content-range": "bytes 5-2999/3000" }, bytes.subarray(5)],
    );
    const source = artifactHttp();
    const part = await source.fetch(base, { offset: 1_000, etag }, never);
    expect(part.kind === "bytes" && part.offset).toBe(1_000);
    expect(part.kind === "bytes" && (await read(part.chunks))).toEqual(bytes.subarray(1_000));
    const whole = await source.fetch(base, { offset: 1_000, etag }, never);
    expect(whole.kind === "bytes" && whole.offset).toBe(0);
    if (whole.kind === "bytes") await read(whole.chunks);
    expect(await source.fetch(base, { offset: 1_000, etag }, never)).toMatchObject({ reason: "http-range" });
  });

  test("that are cut say so to who reads them", async () => {
    answers.push(() => [200, { "content-length": "3000", cut: "1" }, bytes.subarray(0, 1_500)]);
    const cut = await artifactHttp().fetch(base, { offset: 0, etag }, never);
    if (cut.kind !== "bytes") throw new Error(cut.kind);
    await expect(read(cut.chunks)).rejects.toThrow();
  });
});
