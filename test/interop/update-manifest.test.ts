import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { nodeSuitCrypto } from "../../schemas/crypto/node-suit-crypto.ts";
import { fromHex } from "../../schemas/wire/hex.ts";
import { appliesTo } from "../../schemas/wire/suit/applies-to.ts";
import { verifyManifest } from "../../schemas/wire/suit/verify-manifest.ts";
import { anchors, ids, image, keys, target } from "../vectors/update-manifest-world.ts";

const root = join(import.meta.dirname, "../..");
const rust = join(root, ".setup/peers/suit-validator/release/suit-peer");
const python = join(root, ".setup/peers/update-tools/bin/python");
const program = join(import.meta.dirname, "peers/pycose_envelope.py");

interface Vector {
  readonly name: string;
  readonly hex: string;
  readonly kind?: string;
  readonly sequence?: number;
  readonly digest?: string;
  readonly size?: number;
  readonly signer?: string;
  readonly reason?: string;
}
const vectors = JSON.parse(readFileSync(join(root, "test/vectors/update-manifest.json"), "utf8")) as {
  readonly identifiers: { readonly vendorHex: string };
  readonly keys: readonly Readonly<Record<"name" | "xHex" | "yHex" | "privateHex" | "keyIdHex", string>>[];
  readonly good: readonly Vector[];
  readonly bad: readonly Vector[];
};
const [key] = vectors.keys;
if (key === undefined) throw new Error("the vectors have keys");

/** What was changed, or is somebody else's: every reader must refuse it. */
const forged = vectors.bad.filter(({ reason }) => ["bad-signature", "manifest-digest"].includes(reason ?? ""));

function lines(command: string, args: readonly string[], input: readonly string[]): readonly string[] {
  const { stdout, stderr } = spawnSync(command, args, { input: `${input.join("\n")}\n`, encoding: "utf8" });
  const out = stdout.trimEnd().split("\n");
  if (out.length !== input.length - (command === rust ? 1 : 0)) throw new Error(stderr);
  return out;
}

function present(path: string, what: string): boolean {
  if (!existsSync(path))
    console.warn(`${what} is not set up (npm test says why when it sets up): its tests are skipped.`);
  return existsSync(path);
}

describe.runIf(present(rust, "suit_validator"))(
  "suit_validator 0.1.3 (Rust, written to draft-ietf-suit-manifest-34)",
  () => {
    const run = (all: readonly Vector[]): readonly string[] =>
      lines(rust, [], [`${key.keyIdHex} ${key.xHex} ${key.yHex}`, ...all.map(({ hex }) => hex)]);

    test("reads and verifies our envelopes", () => {
      // It reads one signature, no device id (it takes an array for it) and no integrated payload.
      const known = vectors.good.filter(
        ({ name, kind, signer }) => signer === "vendor" && kind === "install" && name !== "for this node alone",
      );
      expect(known.length).toBeGreaterThan(9);
      expect(run(known)).toEqual(
        known.map(
          ({ sequence, digest = "", size }) =>
            `sequence=${sequence} vendor? class? vendor=${vectors.identifiers.vendorHex} digest=${digest.slice(7)} size=${size}`,
        ),
      );
    });

    test("refuses those that were changed", () => {
      expect(forged.length).toBeGreaterThan(3);
      expect(run(forged)).toEqual(forged.map(() => "refused"));
    });
  },
);

describe.runIf(present(python, "pycose"))("pycose 1.1 with cbor2", () => {
  const ask = (all: readonly object[]): readonly Record<string, unknown>[] =>
    lines(
      python,
      [program],
      all.map((each) => JSON.stringify(each)),
    ).map((line) => JSON.parse(line));

  test("verifies our envelopes, each kind of them, and finds what was changed", () => {
    const own = vectors.good.filter(({ name, signer }) => signer === "vendor" && !name.startsWith("ESP256"));
    expect(own.map(({ kind }) => kind)).toEqual(expect.arrayContaining(["install", "boot-previous", "anchors"]));
    const asked = (each: Vector) => ({ verify: each.hex, x: key.xHex, y: key.yHex });
    expect(ask(own.map(asked))).toEqual(
      own.map(({ sequence }) => ({ tag: 107, verified: true, digest: true, sequence })),
    );
    const changed = forged.filter(({ name }) => name !== "another digest in the wrapper");
    const found = ask(changed.map(asked));
    expect(found.map(({ verified, digest }) => verified && digest)).toEqual(changed.map(() => false));
  });

  test("makes envelopes that ours takes, and refuses where they were made by a stranger", () => {
    const make = (index: number, kid = vectors.keys[index]?.keyIdHex) => {
      const { xHex: x = "", yHex: y = "", privateHex: d = "" } = vectors.keys[index] ?? {};
      const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
      const who = { vendor: hex(ids.vendor), class: hex(ids.class) };
      return { make: { ...who, digest: image.digest.slice(7), size: image.size, sequence: 77, x, y, d, kid } };
    };
    const [good, stranger, pretender] = ask([make(0), make(2), make(2, key.keyIdHex)]).map(({ envelope }) =>
      verifyManifest(fromHex(String(envelope)), anchors, nodeSuitCrypto),
    );
    if (good?.ok !== true) throw new Error(JSON.stringify(good));
    expect(good.manifest).toMatchObject({ kind: "install", sequence: 77, digest: image.digest });
    expect(good.signer).toEqual(keys.vendor.signer.anchor);
    expect(appliesTo(good.manifest, target)).toMatchObject({ ok: true, variant: { kind: "full" } });
    expect(stranger).toMatchObject({ reason: "unknown-signer" });
    expect(pretender).toMatchObject({ reason: "bad-signature" });
  });
});
