import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { toHex } from "../../schemas/wire/hex.ts";
import { badManifests } from "./bad-update-manifests.ts";
import { goodManifests } from "./good-update-manifests.ts";
import { anchorBytes, device, ids, keys, names, target } from "./update-manifest-world.ts";

/*
 * Writes update-manifest.json: node test/vectors/write-update-manifests.ts
 * Signatures of ECDSA differ each time, so each run changes every envelope; run it when the profile changes.
 */
const path = new URL("update-manifest.json", import.meta.url);
const { canDecrypt, vendor, class: classId, device: deviceBytes, previous, ...rest } = target;
void [canDecrypt, vendor, classId, deviceBytes];
const content = {
  description:
    "Envelopes of docs/reference/update-manifest.md, written by test/vectors/write-update-manifests.ts. `target` is the node that judges them; a case's own `target` replaces parts of it. It has the key of the encryption info d08340a0f6 alone. The keys are for tests: their private halves stand here.",
  identifiers: {
    ...names,
    vendorHex: toHex(ids.vendor),
    classHex: toHex(ids.class),
    deviceHex: toHex(device),
  },
  keys: Object.entries(keys).map(([name, { d, signer }]) => ({
    name,
    privateHex: toHex(d),
    xHex: toHex(signer.anchor.x),
    yHex: toHex(signer.anchor.y),
    keyIdHex: toHex(signer.anchor.keyId),
  })),
  anchorsHex: toHex(anchorBytes),
  target: { ...rest, previous },
  good: await goodManifests(),
  bad: await badManifests(),
};
const before = existsSync(path) ? readFileSync(path, "utf8").length : 0;
writeFileSync(path, `${JSON.stringify(content, null, 2)}\n`);
process.stdout.write(`${content.good.length} good, ${content.bad.length} bad; ${before} bytes before\n`);
