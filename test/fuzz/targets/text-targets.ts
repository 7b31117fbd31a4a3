import { readFileSync } from "node:fs";
import { formatLinks, matchesLinkQuery, parseLinks } from "../../../coap/link-format.ts";
import { readCbor } from "../../../schemas/wire/cbor.ts";
import { writeCbor } from "../../../schemas/wire/cbor-writer.ts";
import { readJson } from "../../../schemas/wire/json.ts";
import { readSenml, senmlCborFormat, senmlJsonFormat } from "../../../schemas/wire/senml.ts";
import { type FuzzTarget, fromHex, mustHold } from "./fuzz-target.ts";

const utf8 = new TextEncoder();
const text = new TextDecoder();
const texts = (...each: readonly string[]): Uint8Array[] => each.map((one) => utf8.encode(one));

export const linkFormatTarget: FuzzTarget = {
  name: "link-format",
  seeds: () =>
    texts(
      '</sensors>;ct=40;title="Sensor Index",</sensors/temp>;rt="temperature-c";if="sensor"',
      '<http://www.example.com/sensors/t123>;anchor="/sensors/temp";rel="describedby"',
      '</a>;obs;sz=100, </b>;title="with \\"quotes\\", commas; and <brackets>"',
      "</>;rt=x,<>",
    ),
  run(input) {
    const links = parseLinks(text.decode(input));
    if (links === undefined) return;
    const again = parseLinks(formatLinks(links));
    mustHold(again !== undefined && again.length === links.length, "links that are written can be read");
    for (const [i, link] of links.entries()) {
      mustHold(JSON.stringify(again![i]) === JSON.stringify(link), "and are the same");
      for (const query of ["rt=temp*", "href=/*", "obs", "ct=40"]) matchesLinkQuery(link, query);
    }
  },
};

export const cborTarget: FuzzTarget = {
  name: "cbor",
  seeds() {
    const vectors = readFileSync(new URL("../../vectors/cbor.json", import.meta.url), "utf8");
    const { good, malformed } = JSON.parse(vectors) as Record<string, { hex: string }[]>;
    return [...good!, ...malformed!].map(({ hex }) => fromHex(hex));
  },
  run(input) {
    const read = readCbor(input);
    if (!read.ok) {
      mustHold(read.code.length > 0 && read.offset <= input.length, "a refusal says what and where");
      return;
    }
    const again = writeCbor(read.value);
    // A float that is a whole number comes back as one; everything else has one form, which is the only one that is read.
    const mayHaveFloats = input.some((byte) => byte >= 0xf9 && byte <= 0xfb);
    mustHold(mayHaveFloats || Buffer.from(again).equals(input), "it was written in the one way there is");
    mustHold(readCbor(again).ok, "what is written can be read");
    mustHold(readCbor(input, { isForeign: true }).ok, "what is canonical is taken from strangers too");
  },
};

export const jsonTarget: FuzzTarget = {
  name: "json",
  seeds: () => texts('{"a":[1,-2.5e3,true,null,"\\u00e9\\n"],"b":{}}', "[[[[1]]]]", '"x"', "0.1e-7"),
  run(input) {
    const read = readJson(input);
    if (!read.ok) return;
    // The engine's own reader is laxer: it must take whatever the strict one takes.
    JSON.parse(text.decode(input));
  },
};

const senmlSeeds: readonly string[] = [
  '[{"bn":"urn:dev:ow:10e2073a01080063","u":"Cel","v":23.1}]',
  '[{"bn":"n1/","bt":1276020076,"bu":"A","bver":5,"n":"voltage","u":"V","v":120.1},{"n":"current","t":-5,"v":1.2}]',
  '[{"n":"a","vs":"text"},{"n":"b","vb":true},{"n":"c","vd":"aGk"},{"n":"d","s":3}]',
];

export const senmlTarget: FuzzTarget = {
  name: "senml",
  seeds: () => [
    ...texts(...senmlSeeds),
    fromHex("81a3217063706b2f7465d702fb4037333333333333"),
    fromHex("82a4216466616b2f0061610261420222a20061620219012c"),
  ],
  run(input) {
    for (const format of [senmlJsonFormat, senmlCborFormat]) {
      const read = readSenml(input, format, 1_800_000_000_000);
      mustHold(typeof read === "object", "it is read or refused by value");
    }
  },
};
