import { existsSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { fileLeases } from "./file-leases.ts";

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "coxswain-leases-"));
  path = join(folder, "leases.json");
});
afterEach(() => rmSync(folder, { recursive: true }));

it.each(["", "not JSON", '{"a":-1}', '{"a":"7"}', '{"a":1.5}'])(
  "a file that says %j is refused, not begun anew",
  (text) => {
    writeFileSync(path, text);
    expect(() => fileLeases(path)).toThrow(expect.objectContaining({ code: "coap.leases-unreadable" }));
  },
);

it("a folder that isn't there fails the lease, so that no number is used that isn't written", () => {
  const leases = fileLeases(join(folder, "nowhere", "leases.json"));
  expect(() => leases.lease("a", 10)).toThrow("ENOENT");
});

it("gives each number once, over restarts and for each name by itself", () => {
  const first = fileLeases(path);
  expect([first.lease("a", 10), first.lease("a", 10), first.lease("b", 5)]).toEqual([0, 10, 0]);
  const second = fileLeases(path);
  expect([second.lease("a", 1), second.lease("b", 1), second.lease("c", 1)]).toEqual([20, 5, 0]);
  expect(readdirSync(folder)).toEqual(["leases.json"]);
});

it("RFC 8613 7.2: gives each number once to processes that share the file, whatever order they ask in", () => {
  const [one, other] = [fileLeases(path), fileLeases(path)];
  expect([one.lease("a", 10), other.lease("a", 10), one.lease("a", 10), other.lease("b", 10)]).toEqual([0, 10, 20, 0]);
});

it("fails while another process writes, and takes over what a killed one left", () => {
  const leases = fileLeases(path);
  expect(leases.lease("a", 10)).toBe(0);
  writeFileSync(`${path}.new`, "");
  expect(() => leases.lease("a", 10)).toThrow(expect.objectContaining({ code: "coap.leases-busy" }));
  expect(existsSync(`${path}.new`)).toBe(true);
  utimesSync(`${path}.new`, 0, 0);
  expect(leases.lease("a", 10)).toBe(10);
  expect(readdirSync(folder)).toEqual(["leases.json"]);
});

it("gives no number twice though the file goes away while it is used, and refuses one that became unreadable", () => {
  const leases = fileLeases(path);
  expect(leases.lease("a", 10)).toBe(0);
  rmSync(path);
  expect(leases.lease("a", 10)).toBe(10);
  writeFileSync(path, "{");
  expect(() => leases.lease("a", 10)).toThrow(expect.objectContaining({ code: "coap.leases-unreadable" }));
  expect(readdirSync(folder)).toEqual(["leases.json"]);
});
