import { expect, it } from "vitest";
import { parseArtifactBase, usableBases } from "./update-action-body.ts";

const bases = ["https://h:8443", "http://h:8683", "coap://h:5683", "coaps://h:5684"].map(parseArtifactBase);
const schemes = (...of: Parameters<typeof usableBases>) => usableBases(...of).map(({ scheme }) => scheme);

it("tells nobody HTTP who could have HTTPS, and HTTPS to nobody who speaks no TLS", () => {
  expect(schemes(bases, "oscore", true)).toEqual(["https", "coap"]);
  expect(schemes(bases, "oscore", false)).toEqual(["http", "coap"]);
  expect(schemes(bases.slice(1), "oscore", true)).toEqual(["http", "coap"]);
});

it("tells CoAP as the node speaks it", () => {
  expect(schemes(bases, "psk", true)).toEqual(["https", "coaps"]);
  expect(schemes(bases, "x509", false)).toEqual(["http", "coaps"]);
  expect(schemes(bases, undefined, false)).toEqual(["http", "coap"]);
});
