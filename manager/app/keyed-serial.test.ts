import { expect, it } from "vitest";
import { KeyedSerial } from "./keyed-serial.ts";

it("runs work about one key in order, whatever failed before, and other keys meanwhile", async () => {
  const serial = new KeyedSerial();
  const log: string[] = [];
  let release = (): void => {};
  const first = serial.run("a", async () => {
    await new Promise<void>((resolve) => {
      release = resolve;
    });
    log.push("a1");
    throw new Error("a1 failed");
  });
  const second = serial.run("a", async () => {
    log.push("a2");
    return 2;
  });
  await serial.run("b", async () => {
    log.push("b");
  });
  expect(log).toEqual(["b"]);
  release();
  await expect(first).rejects.toThrow("a1 failed");
  expect(await second).toBe(2);
  expect(log).toEqual(["b", "a1", "a2"]);
});
