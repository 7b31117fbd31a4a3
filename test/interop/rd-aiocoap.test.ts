import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { describe, expect, it } from "vitest";
import { soon, testManager } from "../integration/manager-harness.ts";
import { freePort } from "./free-port.ts";

const python = ".setup/peers/python/bin/python";

describe.runIf(existsSync(python))("aiocoap's registrant at our directory", () => {
  it("RFC 9176 4, 5, 5.1: finds it, registers, renews, is looked up, removes itself, and registers simply", async () => {
    const manager = await testManager();
    const port = await freePort();
    const words = ["test/interop/peers/aiocoap_registrant.py", String(port), `coap://127.0.0.1:${manager.coapPort}`];
    const peer = spawn(python, words, { stdio: ["pipe", "pipe", "inherit"] });
    const lines: string[] = [];
    createInterface({ input: peer.stdout }).on("line", (line) => lines.push(line));
    const answer = async (word: string): Promise<string> => {
      const from = lines.length;
      peer.stdin.write(`${word}\n`);
      // States of the registration come between.
      const seen = await soon(
        () => lines.slice(from).find((line) => !line.startsWith("state ")),
        (line) => line !== undefined,
      );
      return seen!;
    };
    const count = (line: string): number => lines.filter((each) => each === line).length;
    try {
      await soon(
        () => count("state registered"),
        (times) => times > 0,
      );
      const soil = `coap://127.0.0.1:${port}/soil`;
      expect(await answer("lookup /rd-lookup/res?rt=moisture")).toBe(`links ${soil}`);
      expect(await answer("lookup /rd-lookup/res?et=tag:example.com,2020:*&rt=moisture&custom=7")).toBe(
        `links ${soil}`,
      );
      const own = `coap://127.0.0.1:${manager.coapPort}/rd/aio-1`;
      expect(await answer("lookup /rd-lookup/ep?rt=moisture")).toBe(`links ${own}`);
      // It renews after three seconds of four.
      await soon(
        () => count("state registered"),
        (times) => times > 1,
      );
      expect(count("state failed")).toBe(0);
      expect(await answer("end")).toBe("ended");
      expect(await answer("lookup /rd-lookup/ep")).toBe("links");
      expect(await answer("simple ep=aio-2&lt=60")).toBe("code 2.04");
      expect(await answer("lookup /rd-lookup/res?ep=aio-2&rt=moisture")).toBe(`links ${soil}`);
    } finally {
      peer.kill();
      await manager.end();
    }
  });
});
