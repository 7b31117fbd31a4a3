import { execFile } from "node:child_process";
import { CoapEndpoint } from "../../coap/endpoint.ts";
import { Code, ContentFormat } from "../../coap/message.ts";
import { dgramTransport } from "../../coap/transport/dgram.ts";
import { silentLog } from "../../kernel/log.ts";
import { systemClock } from "../../kernel/system/system-clock.ts";
import { systemEntropy } from "../../kernel/system/system-entropy.ts";

export const group = "224.0.1.187";
const utf8 = new TextEncoder();

/** An endpoint on loopback with one resource of every sort. */
export class PeerServer {
  readonly endpoint: CoapEndpoint;
  stored: Uint8Array = utf8.encode("nothing yet");
  posts = 0;
  ticks = 0;

  constructor(address = "127.0.0.1") {
    this.endpoint = new CoapEndpoint({
      transport: dgramTransport({
        address,
        port: 0,
        multicast: address === "127.0.0.1" ? { groups: [group], interfaces: ["127.0.0.1"] } : undefined,
      }),
      clock: systemClock,
      entropy: systemEntropy,
      log: silentLog,
      limits: { leisureMs: 100 },
    });
    const { endpoint } = this;
    endpoint.route({
      method: "GET",
      path: "/hello",
      replay: "again",
      attributes: { rt: "hello", ct: 0 },
      answer(request, reply) {
        reply.contentFormat = ContentFormat.textPlain;
        reply.payload = utf8.encode(`hello ${request.queries.join("&")}`);
      },
    });
    endpoint.route({
      method: "GET",
      path: "/store",
      replay: "again",
      answer: (_request, reply) => {
        reply.contentFormat = ContentFormat.octetStream;
        reply.payload = this.stored;
      },
    });
    endpoint.route({
      method: "PUT",
      path: "/store",
      replay: "again",
      maxBody: 200_000,
      answer: (request) => {
        this.stored = request.payload.slice();
      },
    });
    endpoint.route({
      method: "POST",
      path: "/things",
      replay: "once",
      answer: (request, reply) => {
        this.posts++;
        reply.code = Code.created;
        reply.locationPath = ["things", String(this.posts)];
        reply.payload = utf8.encode(new TextDecoder().decode(request.payload).toUpperCase());
      },
    });
    endpoint.route({
      method: "GET",
      path: "/slow",
      replay: "again",
      async later() {
        await new Promise<void>((resolve) => systemClock.after(500, resolve));
        return { payload: utf8.encode("slow answer"), contentFormat: ContentFormat.textPlain };
      },
    });
    endpoint.route({
      method: "GET",
      path: "/ticks",
      replay: "again",
      observable: true,
      attributes: { rt: "ticks" },
      answer: (_request, reply) => {
        reply.contentFormat = ContentFormat.textPlain;
        reply.maxAge = 5;
        reply.payload = utf8.encode(`tick ${this.ticks}\n`);
      },
    });
  }

  get port(): number {
    return this.endpoint.address().port;
  }

  tick(): void {
    this.ticks++;
    this.endpoint.notify("/ticks");
  }
}

/** Runs libcoap's client; resolves with what it printed. */
export function coapClient(
  args: readonly string[],
  timeoutMs = 20_000,
): Promise<{ stdout: Buffer; stderr: string; code: number }> {
  return new Promise((resolve) => {
    execFile(
      "coap-client-notls",
      args,
      { timeout: timeoutMs, encoding: "buffer", maxBuffer: 10_000_000 },
      (error, stdout, stderr) => {
        resolve({ stdout, stderr: stderr.toString(), code: error === null ? 0 : 1 });
      },
    );
  });
}
