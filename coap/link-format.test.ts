import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { attributeOf, formatLinks, type Link, matchesLinkQuery, parseLinks } from "./link-format.ts";

const linkOf = (text: string): Link => parseLinks(text)![0]!;

describe("a link document", () => {
  it("RFC 6690 2: a text that the grammar doesn't allow is refused whole", () => {
    const bad = [
      ...["a", "<a", "a>", "<a> <b>", "<a><b>", "<a<b>", '<a"b>', "<a b>", "<a>,", ",<a>", "<a>,,<b>", "<a>;rt=x,b"],
      ...[
        "<a>;",
        "<a>;=x",
        "<a>; ;b",
        "<a>;b=",
        "<a>;b=;c",
        '<a>;rt="x',
        '<a>;rt="x\\"',
        "<a>;b=x y",
        '<a>;b=x"y"',
        "<a>;b=c,",
      ],
      ...["<a>;ü=x", "<a>;b*c=x", "<a>;b =x", '<a>;b="x"y'],
    ];
    for (const text of bad) expect([text, parseLinks(text)]).toEqual([text, undefined]);
    expect(parseLinks("<a>,<b>,<c>", 2)).toBeUndefined();
    expect(parseLinks("<a>,<b>", 2)).toHaveLength(2);
  });

  it("RFC 6690 2: targets, tokens, quoted texts and bare names are read as the grammar says", () => {
    expect(parseLinks(" ")).toEqual([]);
    // Commas and semicolons inside of targets and quotes end nothing.
    expect(parseLinks('</s/t,u;v>;rt="a b";ct=40;obs;title="say \\"hi\\", o;k \\\\ \\x" ,\r\n </x>')).toEqual([
      {
        target: "/s/t,u;v",
        attributes: [
          ["rt", "a b"],
          ["ct", "40"],
          ["obs", true],
          ["title", 'say "hi", o;k \\ x'],
        ],
      },
      { target: "/x", attributes: [] },
    ]);
    // ptoken takes all of these.
    const token = "!#$%&'()*+-./0:<=>?@A[]^_`{|}~";
    expect(attributeOf(linkOf(`<>;foo=${token}`), "foo")).toBe(token);
    expect(linkOf("</a>;hreflang=de-DE;title*=UTF-8''%e2%82%ac").attributes).toEqual([
      ["hreflang", "de-DE"],
      ["title*", "UTF-8''%e2%82%ac"],
    ]);
    expect(attributeOf(linkOf('</a>;obs;x=""'), "obs")).toBe("");
    expect(attributeOf(linkOf('</a>;obs;x=""'), "x")).toBe("");
    expect(attributeOf(linkOf("</a>;obs"), "sz")).toBeUndefined();
  });

  it("RFC 6690 2: what is written has each attribute in the form of the grammar", () => {
    const attributes = [
      ["rt", "5 temperature-c"],
      ["if", "7"],
      ["sz", "262144"],
      ["ct", "40"],
      ["ct", "40 50"],
      ["hreflang", "de-DE"],
      ["title", "42"],
      ["title*", "UTF-8''%e2%82%ac"],
      ["anchor", "/a"],
      ["obs", true],
      ["foo", 'a "b" \\ c,d;e'],
      ["foo", ""],
    ] as const;
    expect(
      formatLinks([
        { target: "/a,b", attributes },
        { target: "", attributes: [] },
      ]),
    ).toBe(
      '</a,b>;rt="5 temperature-c";if="7";sz=262144;ct=40;ct="40 50";hreflang=de-DE;title="42";' +
        'title*=UTF-8\'\'%e2%82%ac;anchor="/a";obs;foo="a \\"b\\" \\\\ c,d;e";foo="",<>',
    );
    expect(formatLinks([])).toBe("");
  });

  it("RFC 6690 2: href is no attribute, neither read nor written", () => {
    expect(linkOf('</a>;href="/b";rt="x"').attributes).toEqual([["rt", "x"]]);
    expect(
      formatLinks([
        {
          target: "/a",
          attributes: [
            ["href", "/b"],
            ["rt", "x"],
          ],
        },
      ]),
    ).toBe('</a>;rt="x"');
  });

  it("RFC 6690 3.1, 3.2, 3.3: a second rt, if or sz is neither written nor read", () => {
    for (const name of ["rt", "if", "sz"]) {
      const attributes = [
        ["foo", "1"],
        [name, "2"],
        ["foo", "3"],
        [name, "4"],
      ] as const;
      const once = [
        ["foo", "1"],
        [name, "2"],
        ["foo", "3"],
      ];
      expect(parseLinks(formatLinks([{ target: "/a", attributes }]))).toEqual([{ target: "/a", attributes: once }]);
      expect(linkOf(`</a>;foo=1;${name}=2;foo=3;${name}=4`).attributes).toEqual(once);
    }
  });

  it("RFC 8613 9; RFC 7641 6: osc and obs have no value and stand once, in what is read and in what is written", () => {
    const read = parseLinks('</a>;osc=1;obs="x";osc;obs;osc=""');
    const flags = [
      ["osc", true],
      ["obs", true],
    ] as const;
    expect(read).toEqual([{ target: "/a", attributes: flags }]);
    const given = [["osc", "yes"], ...flags, ["osc", "2"]] as const;
    expect(formatLinks([{ target: "/a", attributes: given }])).toBe("</a>;osc;obs");
    expect(matchesLinkQuery(read![0]!, "osc=*")).toBe(true);
  });

  it("RFC 6690 3.3: a size of any length is kept as it is", () => {
    const sz = "123456789012345678901234567890";
    const link = linkOf(`</a>;sz=${sz}`);
    expect(attributeOf(link, "sz")).toBe(sz);
    expect(formatLinks([link])).toBe(`</a>;sz=${sz}`);
    expect(matchesLinkQuery(link, `sz=${sz}`)).toBe(true);
    expect(matchesLinkQuery(link, "sz=123456789012345678901234567891")).toBe(false);
  });

  it("RFC 6690 2: survives being written and read", () => {
    const link = fc.record({
      target: fc.stringMatching(/^\/[a-z0-9/%._,;-]{0,20}$/),
      attributes: fc.uniqueArray(
        fc.tuple(
          fc.oneof(fc.stringMatching(/^[a-z]{1,6}\*?$/), fc.constantFrom("rt", "hreflang", "title", "ct", "title*")),
          fc.oneof(fc.string({ maxLength: 12 }), fc.nat().map(String), fc.constant(true as const)),
        ),
        { maxLength: 4, selector: ([name]) => name },
      ),
    });
    fc.assert(
      fc.property(fc.array(link, { maxLength: 6 }), (links) => {
        expect(parseLinks(formatLinks(links))).toEqual(
          links.map((each) => ({ ...each, attributes: each.attributes.filter(([name]) => name !== "href") })),
        );
      }),
    );
  });
});

describe("a filter", () => {
  const link = linkOf(
    '</nodes/a>;rt="one two";if="sensor x";rel="up next";rev="t1 t2";ct="50 60";sz=12;obs;title="A b"',
  );
  const passing = (queries: readonly string[]): string[] => queries.filter((query) => matchesLinkQuery(link, query));

  it("RFC 6690 3, 4.1: a whole value matches when it is the same text, and no number or case is", () => {
    const right = ["href=/nodes/a", "sz=12", "title=A b"];
    expect(passing(right)).toEqual(right);
    expect(
      passing(["href=/node", "href=nodes/a", "sz=1", "sz=012", "sz=12.0", "title=a b", "title=A", "RT=one"]),
    ).toEqual([]);
  });

  it("RFC 6690 4.1: a star at the end matches a beginning, alone whatever is there, and elsewhere itself", () => {
    const right = ["href=/nodes/*", "href=/nodes/a*", "title=A*", "sz=1*", "sz=12*", "obs=*", "rt=*", "obs", "title"];
    expect(passing(right)).toEqual(right);
    expect(passing(["foo=*", "foo", "href=/n*s/a", "if=*x", "sz=2*", "obs=t*", "title=a*"])).toEqual([]);
    expect(matchesLinkQuery(linkOf('</a>;foo="a*b"'), "foo=a*b")).toBe(true);
    expect(matchesLinkQuery(linkOf('</a>;foo="a*b"'), "foo=a*")).toBe(true);
  });

  it("RFC 6690 4.1: each value of rt, if, rel and rev counts by itself", () => {
    const right = ["rt=one", "rt=two", "rt=tw*", "if=x", "if=sen*", "rel=next", "rev=t2", "ct=60"];
    expect(passing(right)).toEqual(right);
    expect(passing(["rt=on", "rt=one two", "rt=one *", "rt=two three", "rel=ext", "rev=t", "title=b"])).toEqual([]);
  });

  it("RFC 6690 3, 4.1: values are compared as they are, in UTF-8 and without normal forms", () => {
    const composed = linkOf('</é>;title="é"');
    expect(["title=é", "href=/é", "title=*"].filter((query) => matchesLinkQuery(composed, query))).toHaveLength(3);
    expect(matchesLinkQuery(composed, "title=e\u0301")).toBe(false);
    expect(matchesLinkQuery(linkOf('</a>;title="%41"'), "title=A")).toBe(false);
  });
});
