import { expect, test } from "vitest";
import { ApiError } from "./api-error.ts";
import { type Asked, admit } from "./asker.ts";

const here: Asked = {
  method: "GET",
  path: "/api/v1/nodes",
  remoteAddress: "127.0.0.1",
  host: "127.0.0.1:8683",
  origin: undefined,
};
const rules = { isInsecure: true, ownHosts: new Set(["192.0.2.7"]) };

function answerTo(asked: Partial<Asked>, isInsecure = true): string {
  try {
    admit({ ...here, ...asked }, { ...rules, isInsecure });
    return "admitted";
  } catch (error) {
    return error instanceof ApiError ? error.code : String(error);
  }
}

test.each(["/", "/api/v1/nodes", "/artifacts/00", "/nowhere"])(
  "%s is refused when nothing was said about security",
  (path) => {
    expect(answerTo({ path }, false)).toBe("not-authorised");
  },
);

test.each([["192.0.2.8"], ["2001:db8::1"], ["::ffff:10.0.0.1"], [undefined], ["127.0.0.1.example"]])(
  "a request from %s does not reach the API",
  (remoteAddress) => {
    expect(answerTo({ remoteAddress })).toBe("not-from-here");
  },
);

test("a node elsewhere fetches artifacts", () => {
  expect(answerTo({ path: "/artifacts/00", remoteAddress: "192.0.2.8", host: "192.0.2.7:8683" })).toBe("admitted");
});

test("a name that somebody pointed at loopback is refused", () => {
  expect(answerTo({ host: "rebound.example:8683" })).toBe("wrong-host");
  expect(answerTo({ host: "127.0.0.1.evil.example" })).toBe("wrong-host");
  expect(answerTo({ host: "[::1" })).toBe("wrong-host");
});

test.each(["127.0.0.1:8683", "LOCALHOST:1", "[::1]:8683", "192.0.2.7", undefined])("asked as %s it answers", (host) => {
  expect(answerTo({ host })).toBe("admitted");
});

test("a page from elsewhere changes nothing, the console may", () => {
  expect(answerTo({ method: "POST", origin: "http://evil.example" })).toBe("cross-origin");
  expect(answerTo({ method: "POST", origin: "null" })).toBe("cross-origin");
  expect(answerTo({ method: "DELETE", origin: "http://127.0.0.1:9999" })).toBe("cross-origin");
  expect(answerTo({ method: "POST", origin: "http://127.0.0.1:8683" })).toBe("admitted");
});
