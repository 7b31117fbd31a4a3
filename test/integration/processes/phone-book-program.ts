/** Adds and removes phones for ever, and says each on stdout when it is done: `node phone-book-program.ts FOLDER`. */
import { jsonRecords } from "../../../gateway/adapters/storage/json-records.ts";
import { PhoneBook } from "../../../gateway/app/phone-book.ts";
import { silentLog } from "../../../kernel/log.ts";
import { systemClock } from "../../../kernel/system/system-clock.ts";
import { systemEntropy } from "../../../kernel/system/system-entropy.ts";

const folder = process.argv[2] ?? "";
const book = new PhoneBook({
  ...{ site: "home-1", records: jsonRecords(folder), clock: systemClock, entropy: systemEntropy, log: silentLog },
  logins: { set: () => {}, remove: async () => {} },
  // What is tried here is the file.
  hashing: { hash: async () => "$scrypt$ln=15,r=8,p=1$c2FsdA$aGFzaA", verify: async () => false },
});
await book.load();
for (const { name } of book.list()) await book.remove(name);
process.stdout.write("ready\n");
for (let i = 0; ; i++) {
  const added = await book.add(`phone ${i}`);
  if (typeof added === "string") throw new Error(added);
  process.stdout.write(`+${i}\n`);
  if (i >= 3) {
    await book.remove(`phone ${i - 3}`);
    process.stdout.write(`-${i - 3}\n`);
  }
}
