import { expect, it } from "vitest";
import { splitProxyUri } from "./proxy-uri.ts";

const utf8 = new TextEncoder();
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

it.each([
  "",
  "not a uri",
  "/path",
  "coap://",
  "coap://a/b#c",
  "coap://a/%zz",
  "coap://a:70000/",
  "http://a/%ff",
  "http://u@a/",
])("RFC 8613 4.1.3.3: a Proxy-Uri that can't be taken apart is refused: %j", (uri) =>
  expect(() => splitProxyUri(utf8.encode(uri))).toThrow(RangeError),
);

it("RFC 8613 4.1.3.3: a Proxy-Uri that is no UTF-8 is refused", () => {
  expect(() => splitProxyUri(Uint8Array.from([...utf8.encode("coap://a/"), 0xff]))).toThrow(RangeError);
});

it.each([
  ["coap://example.com/resource?q=1", "coap://example.com", ["resource"], ["q=1"]],
  ["COAP://Example.com:5683", "coap://example.com", [], []],
  ["coap://example.com:61616/", "coap://example.com:61616", [], []],
  ["coaps://[2001:DB8::1]:5684/a/./b/../c%2Fd?x&y=%26", "coaps://[2001:db8::1]", ["a", "c/d"], ["x", "y=&"]],
  ["http://Example.com:8080/a%20b?c", "http://example.com:8080", ["a b"], ["c"]],
] as const)(
  "RFC 8613 4.1.3.3: %s is composed anew without its path and query, which go inside",
  (uri, outer, path, queries) => {
    const split = splitProxyUri(utf8.encode(uri));
    expect(text(split.outer)).toBe(outer);
    expect(split.path.map(text)).toEqual(path);
    expect(split.queries.map(text)).toEqual(queries);
  },
);
