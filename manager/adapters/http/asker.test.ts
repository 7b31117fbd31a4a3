import { expect, test } from "vitest";
import { ApiError } from "./api-error.ts";
import { type AdmissionRules, type Asked, admit } from "./asker.ts";
import { csrfTokenOf } from "./sessions.ts";
import type { Admitted } from "./sign-in.ts";

const here: Asked = {
  method: "GET",
  path: "/api/v1/nodes",
  remoteAddress: "127.0.0.1",
  host: "127.0.0.1:8683",
  origin: undefined,
  authorization: undefined,
  session: undefined,
  isEncrypted: false,
  csrfToken: undefined,
};
const admin: Admitted = { way: "machine", principal: { id: "admin", role: "admin", scopes: [] } };
const signIn: AdmissionRules["signIn"] = {
  byToken: (token) => {
    if (token !== "right") throw new ApiError("wrong-token");
    return admin;
  },
  bySession: (session) => (session === "mine" ? admin : undefined),
};
const rules = {
  isInsecure: true,
  ownHosts: new Set(["192.0.2.7"]),
  signIn,
  openPaths: new Set(["/", "/api/v1/session"]),
};

/** Who is admitted, or why nobody is. */
function answerTo(asked: Partial<Asked>, isInsecure = true): string {
  try {
    return admit({ ...here, ...asked }, { ...rules, isInsecure })?.principal.id ?? "nobody";
  } catch (error) {
    return error instanceof ApiError ? error.code : String(error);
  }
}

test.each(["/api/v1/nodes", "/metrics", "/u/00", "/nowhere", "/api/v1/session/", "/artifacts"])(
  "%s is refused to who proves nothing",
  (path) => {
    expect(answerTo({ path }, false)).toBe("not-authorised");
  },
);

test("without --insecure the console's files, signing in and artifacts need no identity, and give none", () => {
  for (const path of ["/", "/api/v1/session", "/artifacts/00"]) expect(answerTo({ path }, false), path).toBe("nobody");
});

test("a token or a session is admitted by itself, from this machine alone, and a wrong token isn't forgiven under --insecure", () => {
  const authorization = "Bearer right";
  for (const isInsecure of [true, false]) {
    expect(answerTo({ authorization }, isInsecure)).toBe("admin");
    expect(answerTo({ authorization: "bearer  right" }, isInsecure)).toBe("admin");
    expect(answerTo({ session: "mine" }, isInsecure)).toBe("admin");
    expect(answerTo({ authorization, host: "manager.example" }, isInsecure)).toBe("admin");
    expect(answerTo({ authorization, remoteAddress: "192.0.2.8" }, isInsecure)).toBe("not-from-here");
    for (const wrong of ["Bearer wrong", "Bearer", "Basic right", "right", "Bearer right right", ""]) {
      expect(answerTo({ authorization: wrong }, isInsecure), wrong).toBe("wrong-token");
    }
  }
  expect(answerTo({ session: "another's" }, false)).toBe("not-authorised");
});

test("a session changes nothing without the browser's word that its own page asks", () => {
  const asked = { method: "POST", session: "mine", csrfToken: csrfTokenOf("mine") };
  expect(answerTo(asked, false)).toBe("cross-origin");
  expect(answerTo({ ...asked, origin: "http://127.0.0.1:3000" }, false)).toBe("cross-origin");
  expect(answerTo({ ...asked, origin: "http://127.0.0.1:8683" }, false)).toBe("admin");
  expect(answerTo({ ...asked, origin: "https://127.0.0.1:8683" }, false)).toBe("admin");
  expect(answerTo({ method: "POST", authorization: "Bearer right" }, false)).toBe("admin");
});

test("a session changes nothing without its CSRF token, or with another session's; a stolen cookie is not enough", () => {
  const asked = { method: "POST", session: "mine", origin: "http://127.0.0.1:8683" };
  expect(answerTo(asked, false)).toBe("no-csrf-token");
  for (const csrfToken of ["", "0", csrfTokenOf("another's")]) {
    expect(answerTo({ ...asked, csrfToken }, false)).toBe("no-csrf-token");
    expect(answerTo({ ...asked, csrfToken }, true)).toBe("no-csrf-token");
  }
  expect(answerTo({ ...asked, path: "/api/v1/session" }, false)).toBe("admin");
  expect(answerTo({ ...asked, path: "/api/v1/session", method: "DELETE" }, false)).toBe("no-csrf-token");
  expect(answerTo({ ...asked, method: "GET" }, false)).toBe("admin");
});

test("over TLS an operator is answered anywhere, but not for sitting at this machine", () => {
  const asked = { remoteAddress: "192.0.2.8", isEncrypted: true };
  expect(answerTo({ ...asked, authorization: "Bearer right" }, false)).toBe("admin");
  expect(answerTo(asked, false)).toBe("not-authorised");
  expect(answerTo(asked, true)).toBe("not-authorised");
});

test.each([["192.0.2.8"], ["2001:db8::1"], ["::ffff:10.0.0.1"], [undefined], ["127.0.0.1.example"]])(
  "a request from %s does not reach the API",
  (remoteAddress) => {
    expect(answerTo({ remoteAddress })).toBe("not-from-here");
  },
);

test("a node elsewhere fetches artifacts", () => {
  expect(answerTo({ path: "/artifacts/00", remoteAddress: "192.0.2.8", host: "192.0.2.7:8683" })).toBe("nobody");
});

test("a name that somebody pointed at loopback is refused", () => {
  expect(answerTo({ host: "rebound.example:8683" })).toBe("wrong-host");
  expect(answerTo({ host: "127.0.0.1.evil.example" })).toBe("wrong-host");
  expect(answerTo({ host: "[::1" })).toBe("wrong-host");
});

test.each(["127.0.0.1:8683", "LOCALHOST:1", "[::1]:8683", "192.0.2.7", undefined])("asked as %s it answers", (host) => {
  expect(answerTo({ host })).toBe("local");
});

test("a page from elsewhere changes nothing, the console may", () => {
  expect(answerTo({ method: "POST", origin: "http://evil.example" })).toBe("cross-origin");
  expect(answerTo({ method: "POST", origin: "null" })).toBe("cross-origin");
  expect(answerTo({ method: "DELETE", origin: "http://127.0.0.1:9999" })).toBe("cross-origin");
  expect(answerTo({ method: "POST", origin: "http://127.0.0.1:8683" })).toBe("local");
});
