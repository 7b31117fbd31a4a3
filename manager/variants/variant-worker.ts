/** A thread that makes the variants of one image: {image, options} in, progress and the variants out. */
import { randomBytes } from "node:crypto";
import { parentPort, workerData } from "node:worker_threads";
import { makeVariants } from "./make-variants.ts";
import type { VariantAnswer, VariantTask } from "./variants-in-thread.ts";

const { image, options } = workerData as VariantTask;
const post = (answer: VariantAnswer, transfer: readonly ArrayBuffer[] = []): void =>
  parentPort?.postMessage(answer, transfer);
try {
  const made = makeVariants(image, options, randomBytes, (progress) => post({ progress }));
  post({ made });
} catch (error) {
  post({ failure: error instanceof Error ? error.message : String(error) });
}
