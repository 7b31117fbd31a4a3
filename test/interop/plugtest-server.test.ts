import { spawn } from "node:child_process";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { CoapEndpoint } from "../../coap/endpoint.ts";
import { Code, ContentFormat, OptionNumber } from "../../coap/message.ts";
import { dtlsSecurity } from "../../coap/security/dtls.ts";
import { dgramTransport } from "../../coap/transport/dgram.ts";
import { silentLog } from "../../kernel/log.ts";
import { systemClock } from "../../kernel/system/system-clock.ts";
import { systemEntropy } from "../../kernel/system/system-entropy.ts";
import { hasDtls } from "../integration/dtls-harness.ts";
import { coapClient } from "./coap-servers.ts";

const until = (check: () => void): Promise<void> => vi.waitFor(check, { timeout: 20_000, interval: 20 });

/** Runs the program as a user does; resolves when it ends or, after `until` was printed, is told to. */
class Program {
  output = "";
  errors = "";
  readonly ended: Promise<number | null>;
  readonly #process;

  constructor(words: readonly string[]) {
    this.#process = spawn(process.execPath, ["test/interop/plugtest-server.ts", ...words]);
    this.#process.stdout.on("data", (chunk: Buffer) => {
      this.output += chunk.toString();
    });
    this.#process.stderr.on("data", (chunk: Buffer) => {
      this.errors += chunk.toString();
    });
    this.ended = new Promise((resolve) => this.#process.on("exit", resolve));
  }

  ready(): Promise<unknown> {
    return until(() => expect(this.output).toContain("is ready"));
  }

  stop(): Promise<number | null> {
    this.#process.kill("SIGTERM");
    return this.ended;
  }
}

describe("the plugtest server's command line", () => {
  it("refuses a port that is none, and a word it doesn't know, with a sentence", async () => {
    for (const [words, sentence] of [
      [["--port", "65535"], "--port 65535 is no port"],
      [["--port", "x"], "--port x is no port"],
      [["--prot", "1"], "--prot"],
    ] as const) {
      const program = new Program(words);
      expect(await program.ended).toBe(2);
      expect(program.errors).toContain(sentence);
    }
  });

  it("shows its help", async () => {
    const program = new Program(["--help"]);
    expect(await program.ended).toBe(0);
    expect(program.output).toContain("--port PORT");
  });

  it("says which port is in use", async () => {
    const first = new Program(["--port", "0", "--address", "127.0.0.1"]);
    await first.ready();
    const port = /coap:\/\/127\.0\.0\.1:(\d+)/.exec(first.output)![1]!;
    const second = new Program(["--port", port, "--address", "127.0.0.1"]);
    expect(await second.ended).toBe(1);
    expect(second.errors).toContain(`UDP port ${port} at 127.0.0.1 is in use`);
    expect(await first.stop()).toBe(0);
  });
});

describe("the plugtest resources", () => {
  const server = new Program(["--port", "0", "--address", "127.0.0.1"]);
  const client = new CoapEndpoint({
    transport: dgramTransport({ address: "127.0.0.1", port: 0 }),
    clock: systemClock,
    entropy: systemEntropy,
    log: silentLog,
  });
  let to = { address: "127.0.0.1", port: 0 };
  let at = "";
  const text = new TextDecoder();
  const body = "Upload of a text. ".repeat(100);
  const get = (path: string, more: object = {}): ReturnType<CoapEndpoint["request"]> =>
    client.request({ to, method: "GET", path: path.split("/").slice(1), ...more });
  const send = (method: "PUT" | "POST" | "DELETE", path: string, payload = "", more: object = {}) =>
    client.request({
      to,
      method,
      path: path.split("/").slice(1),
      payload: new TextEncoder().encode(payload),
      contentFormat: method === "DELETE" ? undefined : 0,
      ...more,
    });

  beforeAll(async () => {
    await server.ready();
    to = { address: "127.0.0.1", port: Number(/coap:\/\/127\.0\.0\.1:(\d+)/.exec(server.output)![1]) };
    at = `coap://127.0.0.1:${to.port}`;
    await client.start();
  });
  afterAll(async () => {
    await client.stop();
    await server.stop();
  });

  it("keep the rules of /test: PUT never creates, If-None-Match never holds, POST says where, DELETE leaves it", async () => {
    expect(await client.ping(to)).toBe(true);
    expect((await send("PUT", "/test", "x", { options: [{ number: 5, value: new Uint8Array(0) }] })).code).toBe(0x8c);
    expect((await send("PUT", "/test", "x")).code).toBe(Code.changed);
    const made = await send("POST", "/test", "x");
    expect([made.code, made.locationPath]).toEqual([Code.created, ["location1", "location2", "location3"]]);
    expect((await send("DELETE", "/test")).code).toBe(Code.deleted);
    const got = await get("/test");
    expect([got.code, got.contentFormat, got.payload.length > 0]).toEqual([Code.content, 0, true]);
  });

  it("answer in formats that are asked for, and no other", async () => {
    for (const format of [ContentFormat.textPlain, ContentFormat.xml, ContentFormat.json, ContentFormat.cbor]) {
      expect((await get("/multi-format", { accept: format })).contentFormat).toBe(format);
    }
    expect((await get("/multi-format")).contentFormat).toBe(0);
    expect((await get("/multi-format", { accept: 112 })).code).toBe(Code.notAcceptable);
    expect((await send("POST", "/location-query")).locationQuery).toEqual(["first=1", "second=2"]);
  });

  it("change the ETag of /validate with every PUT, also of the same body, and hold to If-Match", async () => {
    const first = (await get("/validate")).etag!;
    const known = await get("/validate", { options: [{ number: OptionNumber.eTag, value: first }] });
    expect([known.code, known.payload.length, known.etag]).toEqual([Code.valid, 0, first]);
    expect((await send("PUT", "/validate", "same")).code).toBe(Code.changed);
    const second = (await get("/validate")).etag!;
    const ifMatch = (value: Uint8Array): object => ({ options: [{ number: OptionNumber.ifMatch, value }] });
    expect((await send("PUT", "/validate", "same", ifMatch(second))).code).toBe(Code.changed);
    expect((await send("PUT", "/validate", "same", ifMatch(second))).code).toBe(Code.preconditionFailed);
  });

  it("make /create1 once, and take it away with the refusal", async () => {
    const ifNoneMatch = { options: [{ number: OptionNumber.ifNoneMatch, value: new Uint8Array(0) }] };
    for (let again = 0; again < 2; again++) {
      expect((await get("/create1")).code).toBe(Code.notFound);
      expect((await send("PUT", "/create1", "a", ifNoneMatch)).code).toBe(Code.created);
      expect(text.decode((await get("/create1")).payload)).toBe("a");
      expect((await send("PUT", "/create1", "b", ifNoneMatch)).code).toBe(Code.preconditionFailed);
    }
    await send("PUT", "/create1", "a");
    expect((await send("DELETE", "/create1")).code).toBe(Code.deleted);
    expect((await get("/create1")).code).toBe(Code.notFound);
  });

  it("take and give bodies block by block", async () => {
    for (const blockSize of [16, 64, 1024]) {
      const large = text.decode((await get("/large", { blockSize })).payload);
      expect(large).toMatch(/^(\|[^|\n]{61}\|\n){20}$/);
      expect((await get("/large-separate", { blockSize })).payload.length).toBe(1280);
      expect((await send("PUT", "/large-update", body, { blockSize })).code).toBe(Code.changed);
      expect(text.decode((await get("/large-update")).payload)).toBe(body);
      const upper = await send("POST", "/large-post", body, { blockSize });
      expect([upper.code, upper.contentFormat, text.decode(upper.payload)]).toEqual([0x44, 0, body.toUpperCase()]);
    }
    expect((await send("PUT", "/large-update", body, { contentFormat: undefined })).code).toBe(Code.badRequest);
    const middle = await send("PUT", "/large-update", "x".repeat(64), {
      options: [{ number: OptionNumber.block1, value: Uint8Array.of(0x3a) }],
    });
    expect(middle.code).toBe(Code.requestEntityIncomplete);
  });

  it("make a new resource of each POST to /large-create, and list them", async () => {
    const one = (await send("POST", "/large-create", body, { blockSize: 64 })).locationPath;
    const two = (await send("POST", "/large-create", body)).locationPath;
    expect(one).not.toEqual(two);
    expect(text.decode((await get(`/${two.join("/")}`)).payload)).toBe(body);
    const list = await get("/large-create");
    expect(list.contentFormat).toBe(ContentFormat.linkFormat);
    expect(text.decode(list.payload)).toContain(`</${one.join("/")}>,</${two.join("/")}>`);
  });

  it("list what the filters ask for", async () => {
    const links = async (query: string): Promise<string[]> => {
      const { payload, contentFormat } = await get("/.well-known/core", { queries: [query] });
      expect(contentFormat).toBe(ContentFormat.linkFormat);
      return [...text.decode(payload).matchAll(/<([^>]+)>/g)].map(([, target]) => target!);
    };
    expect(await links("rt=Type1")).toEqual(["/link1", "/link3"]);
    expect(await links("rt=Type2")).toEqual(["/link1", "/link2"]);
    expect(await links("if=If*")).toEqual(["/link1", "/link2"]);
    expect(await links("sz=*")).toEqual(["/large"]);
    expect(await links("href=/link1")).toEqual(["/link1"]);
    expect(await links("href=/link*")).toEqual(["/link1", "/link2", "/link3"]);
    expect(await links("ct=40")).toEqual(["/path"]);
    expect(await links("rt=*")).not.toContain("/path");
    expect(await links("title=*")).not.toContain("/create1");
  });

  it("tell observers exactly the body of a PUT, end them with 4.06 and 4.04, and forget them without a word", async () => {
    for (const path of ["/obs", "/obs-non"]) {
      // The server changes the resource by itself every 5 s, however long this takes.
      const all: string[] = [];
      const heard = (): string[] => all.filter((each) => !/^(change \d|nothing)/.test(each));
      const watch = (): ReturnType<CoapEndpoint["observe"]> =>
        client.observe(
          { to, path: [path.slice(1)] },
          {
            notification: (response) => all.push(text.decode(response.payload)),
            ended: (reason, response) => all.push(`${reason} ${response?.code.toString(16)}`),
          },
        );
      watch();
      await until(() => expect(all.length).toBeGreaterThan(0));
      all.length = 0;
      expect((await send("PUT", path, "exactly this")).code).toBe(Code.changed);
      await until(() => expect(heard()).toEqual(["exactly this"]));
      expect((await send("PUT", path, "other", { contentFormat: 1 })).code).toBe(Code.changed);
      await until(() => expect(heard()).toEqual(["exactly this", "refused 86"]));
      all.length = 0;
      watch();
      await until(() => expect(all.length).toBeGreaterThan(0));
      all.length = 0;
      expect((await send("DELETE", path)).code).toBe(Code.deleted);
      await until(() => expect(heard()).toEqual(["refused 84"]));
      expect((await get(path)).code).toBe(Code.content);
      all.length = 0;
      const last = watch();
      await until(() => expect(all.length).toBeGreaterThan(0));
      expect((await send("POST", "/obs-reset", "open")).code).toBe(Code.forbidden);
      all.length = 0;
      expect((await send("POST", "/obs-reset", "sesame")).code).toBe(Code.changed);
      await send("PUT", path, "unheard");
      await get(path);
      expect(heard()).toEqual([]);
      last.cancel();
    }
  });

  it("pass libcoap's client: separate answers, both kinds, and blocks of several sizes", async () => {
    expect((await coapClient([`${at}/separate`])).stdout.toString()).toBe("This answer came later\n");
    expect((await coapClient(["-N", `${at}/separate`])).stdout.toString()).toBe("This answer came later\n");
    for (const size of ["16", "64", "1024"]) {
      expect((await coapClient(["-b", size, `${at}/large`])).stdout.length, size).toBeGreaterThanOrEqual(1280);
    }
  });

  it.runIf(hasDtls())("are there over DTLS too, with the pair of the plugtests", async () => {
    const port = Number(/coaps:\/\/127\.0\.0\.1:(\d+)/.exec(server.output)![1]);
    const key = new TextEncoder().encode("sesame");
    const secured = new CoapEndpoint({
      transport: dgramTransport({ address: "127.0.0.1", port: 0 }),
      security: dtlsSecurity({ clock: systemClock, log: silentLog, client: { psk: { identity: "password", key } } }),
      clock: systemClock,
      entropy: systemEntropy,
      log: silentLog,
    });
    await secured.start();
    await send("PUT", "/validate", "put without DTLS");
    const got = await secured.request({ to: { ...to, port }, method: "GET", path: ["validate"] });
    expect(text.decode(got.payload)).toBe("put without DTLS");
    await secured.stop();
  });
});
