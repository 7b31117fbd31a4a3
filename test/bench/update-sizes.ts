import { readFileSync } from "node:fs";
import { join } from "node:path";
import { systemEntropy } from "../../kernel/system/system-entropy.ts";
import { makeVariants } from "../../manager/variants/make-variants.ts";
import type { Measurement } from "./report.ts";
import type { TransferSizes } from "./update-transfer.ts";

/** The window of small nodes: a larger one compresses better. */
const window = 2048;
const programs = join(import.meta.dirname, "../../.pio/build/native");

/** Shares of the image that its variants have: the node's program for Linux with one line more at its front, against the one without. */
export function updateSizes(): { readonly measurements: Measurement[]; readonly shares: TransferSizes } {
  const base = readFileSync(join(programs, "cxnode-node"));
  const image = readFileSync(join(programs, "images/one-line"));
  const before = performance.now();
  const { variants } = makeVariants(image, { windows: [window], bases: [base] }, (size) => systemEntropy.bytes(size));
  const seconds = (performance.now() - before) / 1000;
  const share = (kind: string): number => {
    const found = variants.find(({ variant }) => variant.kind === kind);
    if (found === undefined) throw new Error(`there is no ${kind} variant`);
    return found.bytes.length / image.length;
  };
  const shares = { full: 1, deflate: share("deflate"), delta: share("delta") };
  const measurements = Object.entries(shares).map(
    ([subject, value]): Measurement => ({
      subject,
      metric: "share_of_image",
      value: Number(value.toFixed(4)),
      unit: "x",
    }),
  );
  measurements.push({
    ...{ subject: "delta", metric: "making", unit: "s/MiB" },
    value: Number(((seconds / image.length) * (1 << 20)).toFixed(2)),
  });
  return { measurements, shares };
}
