import { expect, test } from "vitest";
import { securityHeaders } from "./security-headers.ts";

test.each(["localhost", "localhost:8443", "a.localhost:1", "127.0.0.1:8443", "[::1]:8443", "192.0.2.1", "", undefined])(
  "HSTS is not said for %s",
  (host) => {
    expect(securityHeaders(true, host)).not.toHaveProperty("strict-transport-security");
  },
);

test("HSTS is said for a name, over TLS alone", () => {
  expect(securityHeaders(true, "manager.example:8443")).toHaveProperty("strict-transport-security");
  expect(securityHeaders(false, "manager.example:8443")).not.toHaveProperty("strict-transport-security");
});
