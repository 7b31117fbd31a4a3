import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { testManager } from "./manager-harness.ts";
import { SecretWatch } from "./secret-watch.ts";

const operator = { kind: "operator", id: "test" } as const;

test("a secret is found in whatever form it is written, and by its first half", () => {
  const watch = new SecretWatch(undefined, { isPlanted: true });
  const secret = Buffer.from(watch.entropy.bytes(24));
  watch.add("correct horse");
  for (const text of [
    secret.toString("hex"),
    secret.toString("hex").toUpperCase(),
    secret.toString("base64"),
    secret.toString("base64url"),
    secret.subarray(0, 16).toString("hex"),
    "the password is correct horse",
    "-----BEGIN PRIVATE KEY-----",
  ]) {
    expect(() => watch.find("a text", `before ${text} after`), text).toThrow("is in a text");
  }
  watch.find("a text", `${Buffer.from(watch.entropy.bytes(12)).toString("hex")} and nothing else`);
});

test("a manager that logs a key fails at its end", async () => {
  const manager = await testManager({ flags: { insecure: false, poll: "10", report: "10" }, isPlanted: true });
  const token = readFileSync(join(manager.folder, "admin-token"), "utf8").trim();
  manager.log.info("by-mistake", { what: token });
  await expect(manager.end()).rejects.toThrow("is in its log");
});

test("a manager that records a key fails at its end", async () => {
  const manager = await testManager({ flags: { insecure: false, poll: "10", report: "10" }, isPlanted: true });
  const issued = await manager.app.credentials.issue("porch", operator);
  if (issued.kind !== "issued" || issued.secrets.scheme !== "oscore") throw new Error(issued.kind);
  const after = { note: Buffer.from(issued.secrets.masterSecret).toString("hex") };
  await manager.app.audit.record({ what: "by-mistake", actor: operator, subject: "node/porch", after });
  await expect(manager.end()).rejects.toThrow("is in its events");
});
