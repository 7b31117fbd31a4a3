/** What an uploaded envelope is refused for, in the catalogue of errors: the reasons of docs/reference/update-manifest.md and the manager's own. */
export const manifestErrors = {
  "no-trust-anchors": {
    status: 409,
    message: "This manager trusts no key, so it can't check a signature.",
    next: "Make a key with `coxswain update keygen FILE`, and have its public half trusted: `coxswain update anchors add FILE`.",
  },
  "manifest-too-large": {
    status: 413,
    message: "The envelope is too large: {where}.",
    next: "Shorten its text, or leave variants out.",
  },
  "manifest-truncated": {
    status: 422,
    message: "The envelope ends too early ({where}).",
    next: "Check that the file is whole: `coxswain update inspect FILE`. Make it again if it isn't.",
  },
  "manifest-too-deep": {
    status: 422,
    message: "The envelope is nested deeper than any manifest is ({where}).",
    next: "Make it with `coxswain update sign`; docs/reference/update-manifest.md has the form.",
  },
  "manifest-malformed": {
    status: 422,
    message: "This is no envelope of a manifest: {where}.",
    next: "Make it with `coxswain update sign`; docs/reference/update-manifest.md has the form.",
  },
  "manifest-unsupported": {
    status: 422,
    message: "The envelope has something that nodes don't take: {where}.",
    next: "Make it with `coxswain update sign`; docs/reference/update-manifest.md says what of SUIT is used.",
  },
  "manifest-unsigned": {
    status: 422,
    message: "Nobody signed the envelope.",
    next: "Make it with `coxswain update sign IMAGE --key FILE`, which signs it.",
  },
  "manifest-digest": {
    status: 422,
    message: "The manifest isn't the one that was signed ({where}).",
    next: "It was changed or damaged after it was signed: make and sign it again.",
  },
  "unknown-signer": {
    status: 403,
    message: "The envelope is signed by a key that this manager doesn't trust.",
    next: "Sign it with a key of `coxswain update anchors list`, or have its public half trusted: `coxswain update anchors add FILE`.",
  },
  "bad-signature": {
    status: 403,
    message: "The envelope names a trusted key, and its signature isn't that key's.",
    next: "Sign it again, with the private half of that key.",
  },
  "foreign-uri": {
    status: 422,
    message: "The manifest has payloads fetched from elsewhere than this manager's artifacts: {where}.",
    next: "A payload's URI is /artifacts/ and its own digest; `coxswain update sign` writes it so.",
  },
  "wrong-vendor": {
    status: 409,
    message: "The manifest is another vendor's: {where}.",
    next: "Sign it for the vendor of this manager, which its setting `vendor` names.",
  },
  "wrong-class": {
    status: 409,
    message: "The manifest is for another model: {where}.",
    next: "Name the model that it was signed for, or sign it for this one.",
  },
  "wrong-device": {
    status: 409,
    message: "The manifest is for one node, and the update isn't: {where}.",
    next: "Create the update with that node as its only target, or sign the manifest without a node.",
  },
  "sequence-too-low": {
    status: 409,
    message: "The sequence number isn't above what the fleet runs: {where}.",
    next: "Sign it with a higher number; nodes never go back to a lower one.",
  },
  "sequence-reused": {
    status: 409,
    message: "The sequence number is in use with another image: {where}.",
    next: "Sign it with a higher number.",
  },
  "image-too-large": {
    status: 409,
    message: "The image doesn't fit the model's slot: {where}.",
    next: "Build a smaller image, or check that this is the right model.",
  },
  "manifest-mismatch": {
    status: 409,
    message: "The manifest and the update don't say the same: {where}.",
    next: "Create the update with what the manifest says; `coxswain update inspect FILE` shows it.",
  },
  "update-without-model": {
    status: 409,
    message: "A signed update is for a model, and this one names none.",
    next: "Create it with the model that the manifest was signed for.",
  },
  "missing-artifact": {
    status: 409,
    message: "The manifest has a payload that isn't stored: {where}.",
    next: "Upload it first: PUT /api/v1/artifacts/<64 hexadecimal digits>. `coxswain update create` does it.",
  },
  "artifact-size": {
    status: 409,
    message: "A stored artifact has another size than the manifest says: {where}.",
    next: "Sign a manifest for the artifact as it is stored.",
  },
  "manifest-in-use": {
    status: 409,
    message: "The update {update} was offered with the envelope that it has.",
    next: "Create another update; withdraw this one.",
  },
  "bad-key": {
    status: 422,
    message: "This is no public key on P-256.",
    next: "`coxswain update keygen` makes one.",
  },
  "anchors-full": {
    status: 409,
    message: "There are as many trust anchors as a node holds.",
    next: "Remove one that isn't needed: `coxswain update anchors list`, `coxswain update anchors remove ID`.",
  },
  "unknown-anchor": {
    status: 404,
    message: "There is no trust anchor {key}.",
    next: "`coxswain update anchors list` shows them.",
  },
} as const satisfies Readonly<Record<string, { status: number; message: string; next: string }>>;
