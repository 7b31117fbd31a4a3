import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { attributeOf, formatLinks, matchesLinkQuery, parseLinks } from "./link-format.ts";

describe("a link document", () => {
  it("that is broken is refused whole", () => {
    for (const text of ["a", "<a", "<a>;", "<a>;=x", '<a>;rt="x', "<a>,", "<a> <b>", "<a>;rt=x,b"]) {
      expect(parseLinks(text), text).toBeUndefined();
    }
    expect(parseLinks("<a>,<b>,<c>", 2)).toBeUndefined();
  });

  it("is read with quotes, escapes, bare attributes and space between links", () => {
    const links = parseLinks('</s/t>;rt="a b";ct=40;obs;title="say \\"hi\\", ok" , </x>')!;
    expect(links.map(({ target }) => target)).toEqual(["/s/t", "/x"]);
    expect(attributeOf(links[0]!, "rt")).toBe("a b");
    expect(attributeOf(links[0]!, "ct")).toBe("40");
    expect(attributeOf(links[0]!, "obs")).toBe("");
    expect(attributeOf(links[0]!, "title")).toBe('say "hi", ok');
    expect(attributeOf(links[0]!, "sz")).toBeUndefined();
    expect(parseLinks(" ")).toEqual([]);
  });

  it("survives writing and reading", () => {
    const link = fc.record({
      target: fc.stringMatching(/^\/[a-z0-9/%._-]{0,20}$/),
      attributes: fc.array(
        fc.tuple(fc.stringMatching(/^[a-z]{1,6}$/), fc.oneof(fc.string({ maxLength: 12 }), fc.constant(true as const))),
        { maxLength: 4 },
      ),
    });
    fc.assert(
      fc.property(fc.array(link, { maxLength: 6 }), (links) => {
        expect(parseLinks(formatLinks(links))).toEqual(links);
      }),
    );
  });
});

describe("a filter", () => {
  const [link] = parseLinks('</nodes/a>;rt="one two";if="sensor";sz=12;obs')!;
  it("matches whole values of a list, or the beginning with a star", () => {
    const matches = (query: string): boolean => matchesLinkQuery(link!, query);
    expect(
      ["rt=one", "rt=two", "rt=o*", "rt=*", "href=/nodes/*", "href=/nodes/a", "sz=12", "obs", "if=sen*"].filter(
        matches,
      ),
    ).toHaveLength(9);
    expect(["rt=on", "rt=one two", "rt=t", "href=/node", "sz=1", "foo", "if=*x", "ct=*"].filter(matches)).toEqual([]);
  });
});
