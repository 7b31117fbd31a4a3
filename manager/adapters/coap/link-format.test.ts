import { describe, expect, test } from "vitest";
import { formatLinks, parseLinks, passesFilter } from "./link-format.ts";

describe("a document that is no link format is refused", () => {
  test.each(["</a", "/a", "</a> </b>", "</a>,", "</a>;=x", '</a>;rt="open', "</a>;rt=a b", "<a><b>", ",</a>"])(
    "%s",
    (text) => {
      expect(parseLinks(text).ok).toBe(false);
    },
  );

  test("with more links, attributes or text than a registration may carry", () => {
    expect(parseLinks(Array(65).fill("</a>").join(",")).ok).toBe(false);
    expect(parseLinks(`</a>${";x=1".repeat(17)}`).ok).toBe(false);
    expect(parseLinks(`</${"a".repeat(300)}>`).ok).toBe(false);
  });
});

test.each([
  ["", []],
  ["  ", []],
  ["</>", [{ href: "/", attributes: [] }]],
  [
    '</s/t>;rt="temp c";obs , </x>;ct=50',
    [
      {
        href: "/s/t",
        attributes: [
          ["rt", "temp c"],
          ["obs", ""],
        ],
      },
      { href: "/x", attributes: [["ct", "50"]] },
    ],
  ],
  ['</q>;title="a \\"b\\" c, d; e"', [{ href: "/q", attributes: [["title", 'a "b" c, d; e']] }]],
])("%s is read", (text, links) => {
  expect(parseLinks(text)).toEqual({ ok: true, links });
});

test("what was read is written again with the same meaning", () => {
  const text = '</s>;rt="temp c";obs;title="a \\"b\\" \\\\ c",</x>;ct="50"';
  const parsed = parseLinks(text);
  expect(parsed.ok && formatLinks(parsed.links)).toBe(text);
});

describe("a filter", () => {
  const link = {
    href: "/sensors/t",
    attributes: [
      ["rt", "temp-c temp"],
      ["ct", "50 60"],
    ],
  } as const;
  test.each([
    ["rt", "temp", true],
    ["rt", "temp-c", true],
    ["rt", "tem", false],
    ["rt", "tem*", true],
    ["rt", "*", true],
    ["href", "/sensors/*", true],
    ["href", "/other", false],
    ["ct", "50", false],
    ["ct", "50*", true],
    ["if", "x", false],
  ])("%s=%s passes: %s", (name, value, passes) => {
    expect(passesFilter(link, name, value)).toBe(passes);
  });
});
