import { statSync } from "node:fs";

/** Another text when one of the files was written or replaced. A file that isn't there has a stamp too. */
export function fileStamp(...files: readonly string[]): string {
  return files
    .map((file) => {
      const found = statSync(file, { throwIfNoEntry: false });
      return `${found?.ino}/${found?.size}/${found?.mtimeMs}`;
    })
    .join();
}
