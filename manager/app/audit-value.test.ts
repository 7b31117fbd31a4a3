import { expect, it } from "vitest";
import { auditValue } from "./audit-value.ts";

const actor = { kind: "operator", id: "ann", from: "192.0.2.7" } as const;

it("leaves out whatever is named like a secret, however deep it is", () => {
  const value = auditValue({
    what: "settings-changed",
    actor,
    subject: "settings",
    before: { wifi: [{ ssid: "yard", password: "hunter2" }], apiToken: "hunter2" },
    after: { oscore: { masterSecret: "hunter2" }, psk: "hunter2", key: "hunter2", claimCode: "hunter2" },
  });
  expect(JSON.stringify(value)).not.toContain("hunter2");
  expect(value.before).toEqual({ wifi: [{ ssid: "yard", password: "(secret)" }], apiToken: "(secret)" });
});

it("keeps names that only remind of a secret", () => {
  const after = { keyFile: "/etc/key", monkeys: 3, spin: true, expectedKeys: 1 };
  expect(auditValue({ what: "x", actor, subject: "manager", after }).after).toEqual(after);
});

it("cuts what is too long and too deep", () => {
  const deep = { a: { a: { a: { a: { a: { a: { a: { a: { a: 1 } } } } } } } } };
  const { before, after } = auditValue({ what: "x", actor, subject: "m", before: "y".repeat(5000), after: deep });
  expect(before).toHaveLength(2051);
  expect(JSON.stringify(after)).toContain('"..."');
});

it("says who and from where, and takes the entry's word over the actor's", () => {
  expect(auditValue({ what: "x", actor, subject: "m" })).toEqual({
    what: "x",
    by: { kind: "operator", id: "ann" },
    from: "192.0.2.7",
  });
  expect(auditValue({ what: "x", actor, from: "elsewhere", subject: "m" }).from).toBe("elsewhere");
  expect(auditValue({ what: "x", actor: { kind: "manager", id: "m" }, subject: "m" })).not.toHaveProperty("from");
});
