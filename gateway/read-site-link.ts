import { closeSync, fstatSync, openSync, readFileSync } from "node:fs";
import { defineFaults, Fault } from "../kernel/fault.ts";
import type { SiteLink } from "../schemas/generated/types.ts";
import { decode, jsonFormat } from "../schemas/wire/codec.ts";

export const siteLinkFaults = defineFaults({
  "gateway.link-unreadable": {
    fault: "environment",
    message:
      "The link {path} can't be read ({reason}). `coxswain site link SITE --out {path}` writes it anew at the manager.",
  },
  "gateway.link-open": {
    fault: "environment",
    message:
      "Others may read the link at {path}, and its secret in it. Make the file its owner's alone: chmod 600 {path}; if somebody did, `coxswain site link SITE` makes another and ends this one.",
  },
});

const othersMask = 0o077;

/** What `coxswain site link` wrote. Throws a Fault that never says what the secret is. */
export function readSiteLink(path: string): SiteLink {
  const bytes = ownBytes(path);
  const read = decode("site-link", bytes, jsonFormat);
  if (read.ok) return read.value;
  throw siteLinkFaults("gateway.link-unreadable", { path, reason: `${read.fault.path || "it"} ${read.fault.rule}` });
}

function ownBytes(path: string): Uint8Array {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch (error) {
    throw unreadable(path, error);
  }
  try {
    if ((fstatSync(file).mode & othersMask) !== 0) throw siteLinkFaults("gateway.link-open", { path });
    return readFileSync(file);
  } catch (error) {
    throw error instanceof Fault ? error : unreadable(path, error);
  } finally {
    closeSync(file);
  }
}

function unreadable(path: string, error: unknown): Fault {
  const reason = error instanceof Error && "code" in error ? String(error.code) : String(error);
  return siteLinkFaults("gateway.link-unreadable", { path, reason }, error);
}
