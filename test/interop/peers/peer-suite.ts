import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { CoapEndpoint } from "../../../coap/endpoint.ts";
import { Code, ContentFormat } from "../../../coap/message.ts";
import { batchTransport } from "../../../coap/transport/batch.ts";
import { silentLog } from "../../../kernel/log.ts";
import { systemClock } from "../../../kernel/system/system-clock.ts";
import { systemEntropy } from "../../../kernel/system/system-entropy.ts";
import { type Plugtest, startPlugtest } from "../plugtest/start-plugtest.ts";
import type { SteeredPeer } from "./steered-peer.ts";

export const until = (check: () => void | Promise<void>): Promise<void> =>
  vi.waitFor(check, { timeout: 30_000, interval: 20 });

export function machineEndpoint(): CoapEndpoint {
  return new CoapEndpoint({
    transport: batchTransport({ address: "127.0.0.1", port: 0, log: silentLog }),
    clock: systemClock,
    entropy: systemEntropy,
    log: silentLog,
  });
}

const text = new TextDecoder();
const bytes = (value: string): Uint8Array => new TextEncoder().encode(value);
const hex = (value: string): string => Buffer.from(value).toString("hex");
const upload = "An upload that needs several blocks. ".repeat(100);

/** Our client against the peer's server, and the peer's client against our plugtest server, in one process of the peer. */
export function describePeer(name: string, isThere: boolean, make: () => SteeredPeer): void {
  if (!isThere) console.warn(`${name} is not set up (npm test says why when it sets up): its tests are skipped.`);
  describe.runIf(isThere)(name, () => {
    let peer: SteeredPeer;
    let plugtest: Plugtest;
    const client = machineEndpoint();
    beforeAll(async () => {
      peer = make();
      plugtest = await startPlugtest({ addresses: ["127.0.0.1"], port: 0, log: silentLog, changesEveryMs: 500 });
      await client.start();
      await peer.start();
    });
    afterAll(async () => {
      await client.stop();
      await plugtest.stop();
      await peer.stop();
    });
    const to = (): { address: string; port: number } => ({ address: "127.0.0.1", port: peer.port });
    const ours = (path: string): string => `coap://127.0.0.1:${plugtest.coap[0]!.port}${path}`;

    describe("our client against its server", () => {
      it("pings, and reads /.well-known/core", async () => {
        expect(await client.ping(to())).toBe(true);
        const core = await client.request({ to: to(), method: "GET", path: [".well-known", "core"] });
        expect([core.code, core.contentFormat]).toEqual([Code.content, ContentFormat.linkFormat]);
        expect(text.decode(core.payload)).toMatch(/<\/ticks>[^,]*rt="?ticks/);
      });

      it.each([true, false])(
        "gets with a query, and sees refusals as they are (confirmable: %s)",
        async (confirmable) => {
          const get = (path: string) =>
            client.request({ to: to(), method: "GET", path: [path], queries: ["a=1", "b=2"], confirmable });
          const hello = await get("hello");
          expect([hello.code, text.decode(hello.payload)]).toEqual([Code.content, "hello a=1&b=2"]);
          const refused = await get("refused");
          expect([refused.code, text.decode(refused.payload)]).toEqual([Code.forbidden, "not for you"]);
          expect((await get("nowhere")).code).toBe(Code.notFound);
        },
      );

      it("puts, gets and deletes, in blocks of every size both ways", async () => {
        const store = { to: to(), path: ["store"] };
        for (const blockSize of [16, 64, 1024]) {
          const payload = bytes(`${blockSize} ${upload}`);
          const put = {
            ...store,
            method: "PUT",
            payload,
            contentFormat: ContentFormat.octetStream,
            blockSize,
          } as const;
          expect((await client.request(put)).code).toBe(Code.created);
          expect((await client.request(put)).code).toBe(Code.changed);
          const got = await client.request({ ...store, method: "GET", blockSize });
          expect([got.code, text.decode(got.payload)]).toEqual([Code.content, `${blockSize} ${upload}`]);
          expect((await client.request({ ...store, method: "DELETE" })).code).toBe(Code.deleted);
          expect((await client.request({ ...store, method: "GET" })).code).toBe(Code.notFound);
        }
      });

      it("posts a body in blocks, whose answer comes in blocks too, and hears where it went", async () => {
        const made = await client.request({ to: to(), method: "POST", path: ["things"], payload: bytes(upload) });
        expect([made.code, made.locationPath[0]]).toEqual([Code.created, "things"]);
        expect(text.decode(made.payload)).toBe(upload.toUpperCase());
      });

      it("waits for a separate answer, and gets 20 000 bytes", async () => {
        for (const confirmable of [true, false]) {
          const slow = await client.request({ to: to(), method: "GET", path: ["slow"], confirmable });
          expect(text.decode(slow.payload)).toBe("slow answer");
        }
        const large = await client.request({ to: to(), method: "GET", path: ["large"] });
        expect(text.decode(large.payload)).toBe("0123456789abcdef".repeat(1250));
      });

      it("observes in order, and ends it for the server too", async () => {
        const heard: number[] = [];
        const observation = client.observe(
          { to: to(), path: ["ticks"] },
          {
            notification: ({ payload }) => heard.push(Number(text.decode(payload).slice(5))),
            ended() {},
          },
        );
        await until(() => expect(heard.length).toBeGreaterThan(5));
        observation.cancel();
        expect(heard).toEqual([...new Set(heard)].sort((a, b) => a - b));
        await until(() => expect(client.observations()).toBe(0));
      });
    });

    describe("its client against our plugtest server", () => {
      it("keeps the methods of /test", async () => {
        for (const kind of ["type=CON", "type=NON"].slice(0, name === "aiocoap" ? 1 : 2)) {
          const expected = kind === "type=CON" ? "ACK" : "NON";
          const more = kind === "type=CON" ? [] : [kind];
          const [got] = await peer.ask("GET", ours("/test"), ...more);
          expect(got).toMatchObject({ code: "2.05", type: expected, contentFormat: 0 });
          expect((await peer.ask("PUT", ours("/test"), `payload=${hex("x")}`, "ct=0", ...more))[0]!.code).toBe("2.04");
          expect((await peer.ask("POST", ours("/test"), `payload=${hex("x")}`, "ct=0", ...more))[0]!.code).toBe("2.01");
          expect((await peer.ask("DELETE", ours("/test"), ...more))[0]!.code).toBe("2.02");
        }
        expect((await peer.ask("GET", ours("/nowhere")))[0]!.code).toBe("4.04");
        expect((await peer.ask("POST", ours("/query")))[0]!.code).toBe("4.05");
      });

      it("gets separate answers, and the format that it asks for", async () => {
        expect((await peer.ask("GET", ours("/separate")))[0]).toMatchObject({ code: "2.05", type: "CON" });
        expect((await peer.ask("GET", ours("/separate"), "type=NON"))[0]).toMatchObject({ code: "2.05", type: "NON" });
        for (const format of [0, 41, 50, 60]) {
          const [got] = await peer.ask("GET", ours("/multi-format"), `accept=${format}`);
          expect([got!.code, got!.contentFormat]).toEqual(["2.05", format]);
        }
        expect((await peer.ask("GET", ours("/multi-format"), "accept=40"))[0]!.code).toBe("4.06");
      });

      it("reads and writes block by block", async () => {
        expect((await peer.ask("GET", ours("/large")))[0]!.text).toMatch(/^(\|[^|\n]{61}\|\n){20}$/);
        expect((await peer.ask("GET", ours("/large-separate")))[0]!.text.length).toBe(1280);
        const put = await peer.ask("PUT", ours("/large-update"), `payload=${hex(upload)}`, "ct=0");
        expect(put[0]!.code).toBe("2.04");
        expect((await peer.ask("GET", ours("/large-update")))[0]!.text).toBe(upload);
        const post = await peer.ask("POST", ours("/large-post"), `payload=${hex(upload)}`, "ct=0");
        expect(post[0]).toMatchObject({ code: "2.04", text: upload.toUpperCase() });
        const made = await peer.ask("POST", ours("/large-create"), `payload=${hex(upload)}`, "ct=0");
        expect(made[0]!.code).toBe("2.01");
      });

      it("finds links by filter", async () => {
        const [links] = await peer.ask("GET", ours("/.well-known/core?rt=Type1"));
        expect(links).toMatchObject({ code: "2.05", contentFormat: ContentFormat.linkFormat });
        expect(links!.text.match(/<[^>]*>/g)).toEqual(["</link1>", "</link3>"]);
      });

      it("observes what changes by itself, confirmed and not", async () => {
        for (const path of ["/obs", "/obs-non"]) {
          const [first, second] = await peer.ask("GET", ours(path), "observe=2");
          expect([first!.code, second!.code, second!.contentFormat]).toEqual(["2.05", "2.05", 0]);
          expect(second!.text).toMatch(/^change \d+$/);
        }
      });
    });
  });
}
