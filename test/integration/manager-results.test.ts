import { afterAll, beforeAll, expect, test } from "vitest";
import { soon, type TestManager, TestPeer, testManager } from "./manager-harness.ts";

let manager: TestManager;
let node: TestPeer;
beforeAll(async () => {
  manager = await testManager();
  node = await TestPeer.start(manager.coapPort);
});
afterAll(async () => {
  await node.end();
  await manager.end({ keepsFolder: false });
});

test("a result that was answered 2.04 is what the store holds in that moment, and so is one sent twice", async () => {
  await node.register({ id: "n1" });
  const sent = await node.ask("POST", "/nodes/n1/commands", '{"command":"identify","id":"lamp"}', 50);
  expect(sent.code).toBe("2.01");
  await soon(
    () => node.ask("POST", "/status?ep=n1&r=0"),
    ({ text }) => text.includes("identify"),
  );
  const said = '{"result":{"rev":1,"outcome":"failed","reason":"no lamp"}}';
  const answers = await Promise.all([1, 2].map(() => node.ask("POST", "/status?ep=n1&r=1", said, 50)));
  expect(answers.map(({ words }) => words)).toEqual(["2.04 ", "2.04 "]);
  expect(manager.app.desiredState.waiting("n1")).toEqual([]);
});
