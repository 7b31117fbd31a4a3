import type { ManagerApp } from "../../manager/app/api/manager-app.ts";
import { suitIds } from "../../manager/signing/suit-ids.ts";
import type { Update } from "../../schemas/generated/types.ts";
import type { PayloadVariant, UpdateManifest } from "../../schemas/wire/suit/update-manifest.ts";
import { signed } from "../vectors/sign-update-manifest.ts";
import { keys } from "../vectors/update-manifest-world.ts";

type KeyName = keyof typeof keys;

/** The envelope of an update's full image; `over` changes what the manifest says. */
export function envelopeOf(
  update: Pick<Update, "digest" | "size" | "model" | "version" | "sequence">,
  over: Partial<UpdateManifest> = {},
  by: readonly KeyName[] = ["vendor"],
  vendor = "vendor.example",
): Promise<Uint8Array> {
  const { digest, size, model = "sensor", version, sequence = 1 } = update;
  const full: PayloadVariant = { kind: "full", digest: digest as PayloadVariant["digest"], size };
  const ids = suitIds(vendor, model);
  const manifest: UpdateManifest = {
    ...{ kind: "install", sequence, ...ids, digest: full.digest, size, variants: [full] },
    ...over,
  };
  return signed({ manifest, text: { language: "en", modelName: model, version } }, by);
}

/** Has the app trust the test key; the caller waits. */
export function trustKey(app: ManagerApp, name: KeyName = "vendor"): Promise<unknown> {
  return app.anchors.add({ name, ...keys[name].signer.anchor }, { kind: "operator", id: "test" });
}
