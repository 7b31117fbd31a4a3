import { beforeAll, expect, test } from "vitest";
import { resumedDownload } from "../bench/update-resume.ts";
import { buildCore } from "./build-core.ts";

/** The firmware's client of Q-Block2 (RFC 9177) and our engine as its server: 1 MiB in blocks of 256 bytes. */
const blocks = 4096;
let addon: string;
beforeAll(async () => {
  addon = await buildCore();
}, 180_000);

test("an image comes in sets of ten blocks", async () => {
  const { moved, requests } = await resumedDownload(addon, 0, 1, { qBlock: true });
  expect(moved).toBeLessThan(1.01);
  expect(requests).toBeLessThan(blocks / 8);
});

test("with every tenth datagram lost only what is lost comes again", async () => {
  const { moved, requests } = await resumedDownload(addon, 0, 2, { qBlock: true, loss: 0.1 });
  // Ten percent are lost, and what there is no room for behind a lost one comes again too.
  expect(moved).toBeLessThan(1.9);
  expect(requests).toBeLessThan(blocks / 2);
});

test("power cuts cost what wasn't durable", async () => {
  const { moved } = await resumedDownload(addon, 4, 3, { qBlock: true });
  expect(moved).toBeLessThan(1.02);
});
