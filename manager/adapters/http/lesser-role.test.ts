import { expect, test } from "vitest";
import { permissionOf } from "../../domain/permissions.ts";
import { lesserRole } from "./lesser-role.ts";

const permission = permissionOf("audit.read");
const who = { id: "ann", role: "viewer", scopes: [] } as const;

test("a token that may too little isn't mended by the role of its owner, who may have it already", () => {
  const refused = lesserRole({ way: "token", principal: who }, permission);
  expect([refused.code, refused.status]).toEqual(["lesser-role", 403]);
  expect(refused.message).toContain("This token of ann has the role viewer; this needs admin");
  expect(refused.next).toContain("`coxswain token create --role admin`");
  expect(refused.next).not.toContain("operator role");
});

test("an account that may too little is told how an admin gives it the role", () => {
  const refused = lesserRole({ way: "session", principal: who }, permission);
  expect(refused.message).toContain("ann has the role viewer; this needs admin");
  expect(refused.next).toBe("An admin gives it: `coxswain operator role ann admin`.");
});
