import { Worker } from "node:worker_threads";
import type { MadeVariants, VariantOptions, VariantProgress } from "./make-variants.ts";

export interface VariantTask {
  readonly image: Uint8Array;
  readonly options: VariantOptions;
}
export interface VariantAnswer {
  readonly progress?: VariantProgress;
  readonly made?: MadeVariants;
  readonly failure?: string;
}

/** `makeVariants` in a thread of its own, so that whoever asks goes on; `signal` ends it, and the promise then fails with its reason. */
export function variantsInThread(
  task: VariantTask,
  onProgress?: (progress: VariantProgress) => void,
  signal?: AbortSignal,
): Promise<MadeVariants> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const worker = new Worker(new URL("./variant-worker.ts", import.meta.url), { workerData: task });
    const end = (settle: () => void): void => {
      signal?.removeEventListener("abort", abort);
      void worker.terminate();
      settle();
    };
    const abort = (): void => end(() => reject(signal?.reason));
    signal?.addEventListener("abort", abort);
    worker.on("message", ({ progress, made, failure }: VariantAnswer) => {
      if (progress !== undefined) onProgress?.(progress);
      else if (made !== undefined) end(() => resolve(made));
      else end(() => reject(new RangeError(failure)));
    });
    worker.on("error", (error) => end(() => reject(error)));
    worker.on("exit", (code) => end(() => reject(new Error(`the thread that makes variants ended with ${code}`))));
  });
}
