import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatLinks, parseLinks } from "../../coap/link-format.ts";
import { namedSettings } from "../../kernel/settings-entry.ts";
import { loadSettings } from "../../kernel/settings-load.ts";
import { linkLimits, registeredLinks } from "../../manager/adapters/coap/registered-links.ts";
import { byteRange } from "../../manager/adapters/http/byte-range.ts";
import { settingsDescription } from "../../manager/settings.ts";

// Names as RFC 6690 has them (parmname), values and targets as texts without what would end them early.
const name = fc.stringMatching(/^[A-Za-z0-9!#$&+\-.^_`|~]{1,12}$/).filter((each) => each !== "href");
const value = fc.oneof(fc.string({ maxLength: 40 }), fc.constant(true as const));
const target = fc.stringMatching(/^\/[^<>"\s]{0,40}$/).filter((each) => !each.startsWith("//"));
const link = fc.record({
  target,
  attributes: fc.uniqueArray(fc.tuple(name, value), { maxLength: linkLimits.attributes, selector: ([each]) => each }),
});
const utf8 = new TextEncoder();

describe("the links of a registration", () => {
  test("are taken as they were written", () => {
    fc.assert(
      fc.property(fc.array(link, { maxLength: 20 }), (links) => {
        const isLimited = links.every(({ attributes }) => attributes.every(([each]) => each !== "anchor"));
        fc.pre(isLimited);
        expect(registeredLinks(utf8.encode(formatLinks(links)))).toEqual({
          ok: true,
          links: links.map((each) => ({ href: each.target, attributes: each.attributes })),
        });
      }),
    );
  });

  test("any bytes are read or refused, within the limits", () => {
    const pieces = fc.constantFrom("<", ">", "</a>", ";", "=", '"', "\\", ",", " ", "rt", "\t", "ä", '\\"', ";;;;;;;;");
    const texts = fc.oneof(
      fc.string(),
      fc.array(pieces, { maxLength: 400 }).map((each) => each.join("")),
    );
    fc.assert(
      fc.property(
        fc.oneof(
          texts.map((text) => utf8.encode(text)),
          fc.uint8Array({ maxLength: 200 }),
        ),
        (bytes) => {
          const parsed = registeredLinks(bytes);
          if (parsed.ok) expect(parsed.links.length).toBeLessThanOrEqual(linkLimits.links);
        },
      ),
    );
    // A pattern that tries every way to fail would not come to an end here.
    for (const piece of ['";', "<a>;", " ", "\\", ';a="', "=", "<"]) parseLinks(`<a>;b="${piece.repeat(16_000)}`);
  });
});

test("any Range header asks for bytes that are there, for the whole, or for nothing", () => {
  const header = fc.oneof(fc.string(), fc.stringMatching(/^bytes=\d{0,16}-\d{0,16}$/));
  fc.assert(
    fc.property(header, fc.nat(), (text, size) => {
      const range = byteRange(text, size);
      if (typeof range === "string") return;
      expect(range.start).toBeGreaterThanOrEqual(0);
      expect(range.start).toBeLessThan(range.end);
      expect(range.end).toBeLessThanOrEqual(size);
    }),
  );
});

test("any settings file is taken within its rules or refused with problems that name it", () => {
  const known = fc.constantFrom(...namedSettings(settingsDescription).map((each) => each.name.split(".")[0] ?? ""));
  const file = fc.oneof(
    fc.string(),
    fc.json(),
    fc.dictionary(known, fc.jsonValue()).map((each) => JSON.stringify(each)),
  );
  fc.assert(
    fc.property(file, (text) => {
      const loaded = loadSettings(settingsDescription, {
        file: { path: "f.json", text },
        environment: {},
        flags: new Map(),
      });
      if (loaded.ok) return;
      expect(loaded.problems.length).toBeGreaterThan(0);
      for (const problem of loaded.problems) expect(problem.message).toContain("f.json");
    }),
  );
});
