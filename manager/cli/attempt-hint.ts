/** Why an attempt ended, and what a person can do about it: the usual reasons of docs/updates.md. */
const hints: Readonly<Record<string, string>> = {
  "unknown-signer":
    "it has other trust anchors, or none: sign with a key that it trusts (`update anchors replace` gives it others); one without any takes them by `cxnode --anchors FILE`",
  "manifest-unsigned": "the update has no manifest, and the node trusts signed ones alone: create it with --key FILE",
  "no-trust-anchors": "it trusts no key: start it with `cxnode --anchors FILE`, which `update anchors export` writes",
  "sequence-too-low": "it runs that number or a higher one: sign with a higher --sequence",
  "sequence-reused": "it runs another image under that number: sign with a higher --sequence",
  "wrong-class": "its firmware was built for another model: sign with the --model that it is",
  "wrong-vendor": "its firmware was built for another vendor: the manager's setting `vendor` has to be the nodes'",
  "wrong-base": "no delta is from the image that it runs: have the full image among the variants",
  "over-budget": "no variant fits its byte budget: add a delta, or raise `cxnode --update-budget`",
  "no-payload-key": "it hasn't the key of the encrypted image: `cxnode --payload-keys FILE`",
  "digest-mismatch": "what was written isn't what was signed: try again, then look at its flash",
  "artifact-changed":
    "what came isn't what was signed: look at the manager's disk and at what stands between it and the node, upload again, retry",
  "image-too-large": "it doesn't fit the node's slot: build a smaller image",
};

/** Undefined where the reason says enough. */
export function attemptHint(reason: string | undefined): string | undefined {
  return reason !== undefined && Object.hasOwn(hints, reason) ? hints[reason] : undefined;
}
