import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { CoapResponse } from "../../coap/client-types.ts";
import { CoapEndpoint } from "../../coap/endpoint.ts";
import { Code, OptionNumber } from "../../coap/message.ts";
import type { OscoreContext } from "../../coap/security/oscore/oscore-context.ts";
import { OscoreContexts } from "../../coap/security/oscore/oscore-contexts.ts";
import type { OscoreParameters } from "../../coap/security/oscore/oscore-parameters.ts";
import { volatileLeases } from "../../coap/security/oscore/sequence-leases.ts";
import { dgramTransport } from "../../coap/transport/dgram.ts";
import { silentLog } from "../../kernel/log.ts";
import { systemClock } from "../../kernel/system/system-clock.ts";
import { systemEntropy } from "../../kernel/system/system-entropy.ts";
import { freePort } from "./free-port.ts";
import { until } from "./peers/peer-suite.ts";

const python = ".setup/peers/python/bin/python";
const program = ".setup/peers/python/source/contrib/oscore-plugtest/plugtest-server";
const isThere = existsSync(program);
if (!isThere)
  console.warn("aiocoap is not set up (npm test says why): our client is not tried on its OSCORE plugtest.");

const hex = (digits: string): Uint8Array => Uint8Array.from(Buffer.from(digits, "hex"));
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const secrets = { secret: "0102030405060708090a0b0c0d0e0f10", salt: "9e7ca92223786340", idContext: "37cbf3210017a2d3" };
/** Contexts A and C of the plugtest; the server has B and D. */
const contextA: OscoreParameters = {
  masterSecret: hex(secrets.secret),
  masterSalt: hex(secrets.salt),
  senderId: new Uint8Array(0),
  recipientId: Uint8Array.of(1),
};
const contextC: OscoreParameters = { ...contextA, idContext: hex(secrets.idContext) };

/** The tests of the OSCORE plugtest by their numbers, our client against aiocoap's server, which checks what it gets. */
describe.runIf(isThere)("our client passes aiocoap's OSCORE plugtest", () => {
  const folder = mkdtempSync(join(tmpdir(), "coxswain-plugtest-"));
  let output = "";
  let server: ChildProcess;
  let client: CoapEndpoint;
  let at: { readonly address: string; readonly port: number };
  let oscore: OscoreContexts;
  let a: OscoreContext;

  beforeAll(async () => {
    for (const [name, more] of Object.entries({ b: {}, d: { "id-context_hex": secrets.idContext } })) {
      mkdirSync(join(folder, name));
      const ids = { "sender-id_hex": "01", "recipient-id_hex": "" };
      const settings = { secret_hex: secrets.secret, salt_hex: secrets.salt, ...ids, ...more };
      writeFileSync(join(folder, name, "settings.json"), JSON.stringify(settings));
    }
    at = { address: "127.0.0.1", port: await freePort() };
    server = spawn(python, ["-u", program, folder, "--bind", `127.0.0.1:${at.port}`], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [server.stdout!, server.stderr!]) {
      stream.on("data", (chunk: Buffer) => {
        output += chunk.toString();
      });
    }
    await until(() => expect(output).toContain("Plugtest server ready"));
    oscore = new OscoreContexts({ entropy: systemEntropy, log: silentLog, leases: volatileLeases() });
    a = oscore.add(contextA, { isNew: true });
    client = new CoapEndpoint({
      transport: dgramTransport({ address: "127.0.0.1", port: 0 }),
      clock: systemClock,
      entropy: systemEntropy,
      log: silentLog,
      oscore,
    });
    await client.start();
  });

  afterEach(() => {
    // Its resources expect no cancellation by GET, which is what ends test 7.
    const complaints = output.match(/^.*(verify failed|Traceback).*$/gm) ?? [];
    expect(complaints.filter((line) => !/OBSERVE: 0> != <.*empty>/.test(line))).toEqual([]);
  });

  afterAll(async () => {
    await client.stop();
    const ended = new Promise<void>((resolve) => server.once("exit", () => resolve()));
    server.kill();
    await ended;
    rmSync(folder, { recursive: true });
  });

  type Asked = Partial<Parameters<CoapEndpoint["request"]>[0]>;
  const ask = (path: string, more: Asked = {}): Promise<CoapResponse> =>
    client.request({ to: { ...at, oscore: a }, method: "GET", path: ["oscore", ...path.split("/")], ...more });
  const failing = async (context: OscoreContext, more: Asked = {}): Promise<string> => {
    const to = { ...at, oscore: context };
    return ask("hello/1", { to, ...more }).then(
      ({ code }) => `answered ${code}`,
      (fault: { code: string; message: string }) => `${fault.code} ${fault.message}`,
    );
  };

  it("0: a plain request is answered plainly", async () => {
    const hello = await ask("hello/coap", { to: at });
    expect([hello.code, text(hello.payload), hello.contentFormat]).toEqual([Code.content, "Hello World!", 0]);
  });

  it("1 to 4: GET with and without an ID Context, with a query, an ETag, Accept and Max-Age", async () => {
    const c = oscore.add({ ...contextC }, { isNew: true });
    for (const context of [a, c]) {
      const { code, payload, contentFormat } = await ask("hello/1", { to: { ...at, oscore: context } });
      expect([code, text(payload), contentFormat]).toEqual([Code.content, "Hello World!", 0]);
    }
    oscore.remove(c);
    const tagged = await ask("hello/2", { queries: ["first=1"] });
    expect(tagged.etag).toEqual(hex("2b"));
    const aged = await ask("hello/3", { accept: 0 });
    expect(aged.maxAge).toBe(5);
  });

  it("5 to 7: Observe where there is nothing to observe, until an error ends it, and until we cancel it", async () => {
    const seen: string[] = [];
    const observe = (path: string) =>
      client.observe(
        { to: { ...at, oscore: a }, path: ["oscore", ...path.split("/")] },
        {
          notification: ({ payload }) => seen.push(text(payload)),
          ended: (reason, response) => seen.push(`${reason} ${response?.code.toString(16) ?? ""}`),
        },
      );
    observe("hello/1");
    await until(() => expect(seen).toEqual(["Hello World!", expect.stringMatching(/^\w+/)]));
    seen.length = 0;
    observe("observe1");
    await until(() => expect(seen).toEqual(["one", "two", "refused a0"]));
    seen.length = 0;
    const cancelled = observe("observe2");
    await until(() => expect(seen).toEqual(["one", "two"]));
    cancelled.cancel();
    expect(seen).toEqual(["one", "two", "cancelled "]);
  });

  it("8 to 11: POST, PUT with If-Match and If-None-Match, DELETE", async () => {
    const posted = await ask("hello/6", { method: "POST", payload: hex("4a"), contentFormat: 0 });
    expect([posted.code, posted.contentFormat, posted.payload]).toEqual([Code.changed, 0, hex("4a")]);
    const option = (number: number, value: Uint8Array) => ({ options: [{ number, value }] });
    const put = { method: "PUT", contentFormat: 0 } as const;
    const matched = await ask("hello/7", { ...put, payload: hex("7a"), ...option(OptionNumber.ifMatch, hex("7b")) });
    expect([matched.code, matched.payload.length]).toEqual([Code.changed, 0]);
    const none = option(OptionNumber.ifNoneMatch, new Uint8Array(0));
    expect((await ask("hello/7", { ...put, payload: hex("8a"), ...none })).code).toBe(Code.preconditionFailed);
    expect((await ask("test", { method: "DELETE" })).code).toBe(Code.deleted);
    const passed = output.match(/verify passed/g) ?? [];
    expect(passed.length).toBeGreaterThan(8);
  });

  it("12 to 15: another sender ID is 4.01, another key 4.00, an answer by another key is dropped, a replay 4.01", async () => {
    const parts = { entropy: systemEntropy, log: silentLog, leases: volatileLeases() };
    const wrongId = oscore.add(
      { ...contextA, senderId: hex("7370616d"), recipientId: systemEntropy.bytes(3) },
      { isNew: true },
    );
    expect(await failing(wrongId)).toMatch(/^coap.oscore-refused .*4\.01/);
    const wrongSecret = { ...contextA, masterSecret: hex("ff02030405060708090a0b0c0d0e0f10") };
    const wrongKey = oscore.add({ ...wrongSecret, recipientId: systemEntropy.bytes(3) }, { isNew: true });
    expect(await failing(wrongKey)).toMatch(/^coap.oscore-refused .*4\.00/);
    // Keys to send that are right, and to receive that are not.
    const others = new OscoreContexts(parts);
    const deaf = others.add(contextA, { isNew: true });
    deaf.memory[deaf.at + 32]! ^= 1;
    deaf.sequence = a.sequence + 100;
    others.numbers.ownAll(deaf);
    const second = new CoapEndpoint({
      transport: dgramTransport({ address: "127.0.0.1", port: 0 }),
      clock: systemClock,
      entropy: systemEntropy,
      log: silentLog,
      oscore: others,
    });
    await second.start();
    const unheard = second.request({ to: { ...at, oscore: deaf }, method: "GET", path: ["oscore", "hello", "1"] });
    unheard.catch(() => undefined);
    await until(() => expect(second.counters()["oscore.responsesUnverified"]).toBeGreaterThan(0));
    await second.stop();
    await expect(unheard).rejects.toThrow();
    // The number of the request before once more.
    a.sequence = deaf.sequence - 1;
    oscore.numbers.ownAll(a);
    expect(await failing(a)).toMatch(/^coap.oscore-refused .*4\.01/);
    expect((await ask("hello/1")).code).toBe(Code.content);
  });
});
