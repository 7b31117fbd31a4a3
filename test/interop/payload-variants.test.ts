import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemEntropy } from "../../kernel/system/system-entropy.ts";
import { deltaPatch } from "../../manager/variants/delta-patch.ts";
import { encryptPayload, payloadCiphers } from "../../manager/variants/payload-encryption.ts";
import { buildPayloadDecoders } from "../fuzz/build-payload-decoders.ts";
import { type DecoderCase, decodePayloads } from "../fuzz/payload-decoders.ts";

const tools = ".setup/peers/update-tools/bin";
const [base, image] = [".pio/build/native/cxnode-node", ".pio/build/native/images/silent-sensor"] as const;
const isThere = existsSync(`${tools}/detools`) && existsSync(base) && existsSync(image);
if (!isThere)
  console.warn("Payload variants are not tried against detools and pycose: npm run setup -- peers firmware.");

describe.runIf(isThere)("detools and pycose", () => {
  const folder = mkdtempSync(join(tmpdir(), "coxswain-variants-"));
  const [before, after] = [() => readFileSync(base), () => readFileSync(image)];
  let program: string | undefined;
  beforeAll(() => {
    program = buildPayloadDecoders(folder);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const decode = (given: DecoderCase): ReturnType<typeof decodePayloads>[number] =>
    decodePayloads(program ?? "", [given], 1)[0]!;

  it("detools applies our delta of the node's program, and says what it is", () => {
    const patch = join(folder, "ours");
    writeFileSync(patch, deltaPatch(before(), after()));
    execFileSync(`${tools}/detools`, ["apply_patch", base, patch, join(folder, "new")]);
    expect(Buffer.compare(readFileSync(join(folder, "new")), after())).toBe(0);
    const info = execFileSync(`${tools}/detools`, ["patch_info", patch], { encoding: "utf8" });
    expect(info).toMatch(/Type:\s+sequential/);
    expect(info).toMatch(/Compression:\s+heatshrink/);
  });

  it.for(["heatshrink", "none"])("the firmware applies a delta of detools, packed by %s", (packing, { skip }) => {
    if (program === undefined) return skip();
    const patch = join(folder, packing);
    execFileSync(`${tools}/detools`, ["create_patch", "-c", packing, base, image, patch]);
    const outcome = decode({ kind: "delta", base: before(), imageSize: after().length, payload: readFileSync(patch) });
    expect(outcome.status).toBe("ok");
    expect(Buffer.compare(outcome.image, after())).toBe(0);
  });

  it.for(payloadCiphers)(
    "pycose opens what we encrypt by %s, and the firmware opens what pycose does",
    (cipher, { skip }) => {
      const key = systemEntropy.bytes(16);
      const plain = after().subarray(0, 50_001);
      const sealed = encryptPayload(plain, key, cipher, (size) => systemEntropy.bytes(size));
      const opened = pycose({ open: hex(sealed.encryptionInfo), text: hex(sealed.bytes), key: hex(key) });
      expect(opened === hex(plain)).toBe(true);
      if (program === undefined) return skip();
      const isGcm = cipher === "A128GCM";
      const nonce = hex(systemEntropy.bytes(isGcm ? 12 : 7));
      const [headers = "", text = ""] = pycose({
        seal: hex(plain),
        algorithm: isGcm ? 1 : 12,
        nonce,
        key: hex(key),
      }).split(" ");
      const parameters = Buffer.from(headers, "hex");
      const outcome = decode({
        kind: "encrypt0",
        imageSize: plain.length,
        payload: Buffer.from(text, "hex"),
        parameters,
        key,
      });
      expect(outcome.status).toBe("ok");
      expect(Buffer.compare(outcome.image, plain)).toBe(0);
    },
  );
});

function pycose(asked: Readonly<Record<string, string | number>>): string {
  const options = { input: JSON.stringify(asked), encoding: "utf8", maxBuffer: 1 << 26 } as const;
  return execFileSync(`${tools}/python`, ["test/interop/peers/encrypt0_peer.py"], options).trim();
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
