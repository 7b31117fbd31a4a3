import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { Fault } from "../kernel/fault.ts";
import { readSiteLink } from "./read-site-link.ts";

const folder = mkdtempSync(join(tmpdir(), "coxswain-link-"));
afterAll(() => rmSync(folder, { recursive: true }));

const secret = "S".repeat(43);
const link = { site: "home-1", title: "Home", timeZone: "UTC", manager: "https://manager.example:8684", secret };

function file(text: string, mode = 0o600): string {
  const path = join(folder, "home-1.link.json");
  writeFileSync(path, text, { mode });
  chmodSync(path, mode);
  return path;
}

function faultOf(path: string): Fault {
  try {
    readSiteLink(path);
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
  throw new Error("It was read.");
}

test("a link that others may read, that isn't there, or that is none is refused, and its secret isn't said", () => {
  for (const mode of [0o640, 0o604, 0o660]) {
    expect(faultOf(file(JSON.stringify(link), mode)).code).toBe("gateway.link-open");
  }
  expect(faultOf(join(folder, "nowhere")).message).toContain("ENOENT");
  expect(faultOf(folder).code).toMatch(/^gateway\.link-/);
  for (const bad of ["", "{", "[]", JSON.stringify({ ...link, site: "Home" }), JSON.stringify({ secret })]) {
    const fault = faultOf(file(bad));
    expect(fault.code, bad).toBe("gateway.link-unreadable");
    expect(fault.message).not.toContain(secret);
  }
});

test("a link that is its owner's alone is read", () => {
  expect(readSiteLink(file(JSON.stringify(link)))).toMatchObject({ site: "home-1", secret });
});
