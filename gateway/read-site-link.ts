import { readFileSync } from "node:fs";
import { defineFaults } from "../kernel/fault.ts";
import type { SiteLink } from "../schemas/generated/types.ts";
import { decode, jsonFormat } from "../schemas/wire/codec.ts";

export const siteLinkFaults = defineFaults({
  "gateway.link-unreadable": {
    fault: "environment",
    message:
      "The link {path} can't be read ({reason}). `coxswain site link SITE --out {path}` writes it anew at the manager.",
  },
});

/** What `coxswain site link` wrote. Throws a Fault that never says what the secret is. */
export function readSiteLink(path: string): SiteLink {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    const reason = error instanceof Error && "code" in error ? String(error.code) : String(error);
    throw siteLinkFaults("gateway.link-unreadable", { path, reason }, error);
  }
  const read = decode("site-link", bytes, jsonFormat);
  if (read.ok) return read.value;
  throw siteLinkFaults("gateway.link-unreadable", { path, reason: `${read.fault.path || "it"} ${read.fault.rule}` });
}
