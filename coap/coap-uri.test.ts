import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatCoapUri, parseCoapUri } from "./coap-uri.ts";

describe("a coap URI", () => {
  it("RFC 7252 6.1, 6.2: the host isn't empty, and a URI without one is invalid", () => {
    for (const text of [
      "coap://",
      "coap:///x",
      "coap://:5683/x",
      "coaps:///",
      "coap:",
      "coap:/x",
      "/x",
      "coap://%/x",
    ]) {
      expect(parseCoapUri(text)).toBeUndefined();
    }
  });

  it("RFC 7252 6.1, 6.2, 6.4: has port 5683 or 5684 by default, no fragment and no other scheme", () => {
    expect(parseCoapUri("coap://h/")).toEqual({ scheme: "coap", host: "h", port: 5683, path: [], queries: [] });
    expect(parseCoapUri("coaps://h:")).toMatchObject({ scheme: "coaps", port: 5684 });
    expect(parseCoapUri("COAP://[2001:DB8::1]:61616/")).toMatchObject({ host: "2001:db8::1", port: 61_616 });
    const bad = [
      "http://h/",
      "coap://h/#x",
      "coap://h:70000/",
      "coap://h:0/",
      "coap://u@h/",
      "coap://h:5x/",
      "coap://[h]/",
    ];
    for (const text of bad) expect(parseCoapUri(text)).toBeUndefined();
  });

  it("RFC 7252 6.4: paths and queries are taken apart before they are decoded, dot segments are resolved", () => {
    expect(parseCoapUri("coap://h/a%2Fb//c/?d%26e&f=%3F&")).toMatchObject({
      path: ["a/b", "", "c", ""],
      queries: ["d&e", "f=?", ""],
    });
    expect(parseCoapUri("coap://h/a/./b/../c")).toMatchObject({ path: ["a", "c"] });
    expect(parseCoapUri("coap://h/a/..")).toMatchObject({ path: [] });
    for (const text of ["coap://h/%2e%2e/x", "coap://h/%zz", "coap://h/%ff", `coap://h/${"x".repeat(256)}`]) {
      expect(parseCoapUri(text)).toBeUndefined();
    }
  });

  it("RFC 7252 6.5: percent-encoding in URIs is in uppercase letters, and only where it is needed", () => {
    const uri = { scheme: "coap", host: "H.example", port: 5683, path: ["a/b", "ü", ":@!"], queries: ["x=/?&y", "é"] };
    expect(formatCoapUri({ ...uri, scheme: "coap" })).toBe("coap://h.example/a%2Fb/%C3%BC/:@!?x=/?%26y&%C3%A9");
    expect(formatCoapUri({ scheme: "coaps", host: "::1", port: 5684, path: [], queries: [] })).toBe("coaps://[::1]/");
  });

  it("RFC 7252 6.3, 6.5, B: the examples of appendix B, and URIs that name the same", () => {
    // Appendix B: destination 2001:db8::2:1, port 5683.
    const base = { scheme: "coap", host: "2001:db8::2:1", port: 5683, path: [], queries: [] } as const;
    expect(formatCoapUri(base)).toBe("coap://[2001:db8::2:1]/");
    const named = { ...base, host: "example.net" } as const;
    expect(formatCoapUri(named)).toBe("coap://example.net/");
    expect(formatCoapUri({ ...named, path: [".well-known", "core"] })).toBe("coap://example.net/.well-known/core");
    const japanese = "coap://xn--18j4d.example/%E3%81%93%E3%82%93%E3%81%AB%E3%81%A1%E3%81%AF";
    expect(formatCoapUri({ ...named, host: "xn--18j4d.example", path: ["こんにちは"] })).toBe(japanese);
    const slashes = { ...base, host: "198.51.100.1", port: 61_616, path: ["", "/", "", ""], queries: ["//", "?&"] };
    expect(formatCoapUri(slashes)).toBe("coap://198.51.100.1:61616//%2F//?//&?%26");
    for (const text of [japanese, "coap://198.51.100.1:61616//%2F//?//&?%26"]) {
      expect(formatCoapUri(parseCoapUri(text)!)).toBe(text);
    }
    // Section 6.3.
    const same = [
      "coap://example.com:5683/~sensors/temp.xml",
      "coap://EXAMPLE.com/%7Esensors/temp.xml",
      "coap://EXAMPLE.com:/%7esensors/temp.xml",
    ];
    for (const text of same) expect(parseCoapUri(text)).toEqual(parseCoapUri(same[0]!));
  });

  it("RFC 7252 6.4, 6.5: survives being written and read", () => {
    const segment = fc.string({ unit: "grapheme", maxLength: 20 }).filter((text) => text !== "." && text !== "..");
    const uri = fc.record({
      scheme: fc.constantFrom("coap" as const, "coaps" as const),
      host: fc.constantFrom("h", "10.0.0.1", "fe80::1", "a.b-c.example"),
      port: fc.integer({ min: 1, max: 65_535 }),
      path: fc.array(segment, { maxLength: 5 }).filter((path) => !(path.length === 1 && path[0] === "")),
      queries: fc.array(fc.string({ unit: "grapheme", maxLength: 20 }), { maxLength: 4 }),
    });
    fc.assert(
      fc.property(uri, (each) => {
        expect(parseCoapUri(formatCoapUri(each))).toEqual(each);
      }),
    );
  });
});
