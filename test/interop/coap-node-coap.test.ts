import * as peer from "coap";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Code } from "../../coap/message.ts";
import { sleep } from "../../kernel/clock.ts";
import { systemClock } from "../../kernel/system/system-clock.ts";
import { PeerServer } from "./coap-servers.ts";

const ours = new PeerServer();
const pattern = Buffer.from(Array.from({ length: 20_000 }, (_, i) => (i * 13 + (i >> 8)) & 0xff));

beforeAll(() => ours.endpoint.start());
afterAll(() => ours.endpoint.stop());

interface Answer {
  code: string;
  payload: Buffer;
}

/** One request by node-coap. */
function ask(options: Record<string, unknown>, body?: Buffer): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = peer.request({ host: "127.0.0.1", port: ours.port, ...options });
    request.on("response", (response: { code: string; payload: Buffer }) =>
      resolve({ code: response.code, payload: response.payload }),
    );
    request.on("error", reject);
    request.on("timeout", reject);
    request.end(body);
  });
}

describe("node-coap as client of our server", () => {
  it("gets and posts, confirmably or not", async () => {
    expect((await ask({ pathname: "/hello", query: "x=1" })).payload.toString()).toBe("hello x=1");
    expect((await ask({ pathname: "/hello", confirmable: false })).payload.toString()).toBe("hello ");
    const posted = await ask({ pathname: "/things", method: "POST" }, Buffer.from("abc"));
    expect([posted.code, posted.payload.toString()]).toEqual(["2.01", "ABC"]);
    expect((await ask({ pathname: "/nowhere" })).code).toBe("4.04");
    expect((await ask({ pathname: "/slow" })).payload.toString()).toBe("slow answer");
  });

  it("puts and gets in blocks", async () => {
    expect(
      (await ask({ pathname: "/store", method: "PUT", options: { Block1: Buffer.from([0x06]) } }, pattern)).code,
    ).toBe("2.04");
    expect(Buffer.from(ours.stored).equals(pattern)).toBe(true);
    const back = await ask({ pathname: "/store" });
    expect(Buffer.from(back.payload).equals(pattern)).toBe(true);
  });

  it("observes", async () => {
    const heard: string[] = [];
    const request = peer.request({ host: "127.0.0.1", port: ours.port, pathname: "/ticks", observe: true });
    const stream = await new Promise<{ on(event: "data", listener: (chunk: Buffer) => void): void; close(): void }>(
      (resolve) => {
        request.on("response", resolve as never);
        request.end();
      },
    );
    stream.on("data", (chunk) => heard.push(chunk.toString()));
    await sleep(systemClock, 50);
    const first = ours.ticks;
    for (let i = 0; i < 3; i++) {
      ours.tick();
      await sleep(systemClock, 30);
    }
    stream.close();
    expect(heard).toEqual([0, 1, 2, 3].map((i) => `tick ${first + i}\n`));
  });
});

describe("node-coap as server for our client", () => {
  let theirs: peer.Server;
  let port = 0;
  let count = 0;
  const streams = new Set<{ write(text: string): void }>();

  beforeAll(async () => {
    theirs = peer.createServer((request, response) => {
      if (request.url === "/observed" && request.headers["Observe"] === 0) {
        streams.add(response);
        response.on("finish", () => streams.delete(response));
        response.write(`value ${count}`);
        return;
      }
      response.code = request.method === "GET" ? "2.05" : "2.04";
      response.end(request.method === "GET" ? pattern : request.payload);
    });
    await new Promise<void>((resolve) => {
      theirs.listen(0, "127.0.0.1", () => resolve());
    });
    port = (theirs as unknown as { _sock: { address(): { port: number } } })._sock.address().port;
  });
  afterAll(() => new Promise<void>((resolve) => void theirs.close(() => resolve())));

  // Bodies in blocks can't be given to it: it puts them together by token, and ours has a fresh token for each message (RFC 9175 section 4).
  it("is asked, given a body and read in blocks", async () => {
    const to = { address: "127.0.0.1", port };
    const got = await ours.endpoint.request({ to, method: "GET", path: ["large"], blockSize: 512 });
    expect([got.code, Buffer.from(got.payload).equals(pattern)]).toEqual([Code.content, true]);
    const put = await ours.endpoint.request({ to, method: "PUT", path: ["echo"], payload: pattern.subarray(0, 1_000) });
    expect([put.code, Buffer.from(put.payload).equals(pattern.subarray(0, 1_000))]).toEqual([Code.changed, true]);
    expect(await ours.endpoint.ping(to)).toBe(true);
  });

  it("is observed, each change once, and learns of the end", async () => {
    const heard: string[] = [];
    const observation = ours.endpoint.observe(
      { to: { address: "127.0.0.1", port }, path: ["observed"] },
      {
        notification: ({ payload }) => heard.push(new TextDecoder().decode(payload)),
        ended() {},
      },
    );
    for (let i = 0; i < 100 && heard.length === 0; i++) await sleep(systemClock, 20);
    for (count = 1; count <= 3; count++) {
      for (const stream of streams) stream.write(`value ${count}`);
      await sleep(systemClock, 50);
    }
    expect(heard).toEqual(["value 0", "value 1", "value 2", "value 3"]);
    observation.cancel();
    await sleep(systemClock, 100);
  });
});
