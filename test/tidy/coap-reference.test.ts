import { readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { coapReference } from "../../tools/coap-reference.ts";

const path = new URL("../../docs/reference/coap.md", import.meta.url);

test("docs/reference/coap.md is what the docstrings say; UPDATE_DOCS=1 with this test writes it anew", () => {
  const page = coapReference();
  if (process.env["UPDATE_DOCS"]) writeFileSync(path, page);
  expect(page).toMatch(/### CoapEndpoint\n\nOne socket/);
  expect(readFileSync(path, "utf8")).toBe(page);
});
