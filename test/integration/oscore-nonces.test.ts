import { afterEach, expect, it } from "vitest";
import { OptionNumber } from "../../coap/message.ts";
import { OscoreOption } from "../../coap/security/oscore/oscore-option.ts";
import { bytesOf, decodePlain, serverAddress, textOf } from "./coap-harness.ts";
import { node, OscoreWorld } from "./oscore-world.ts";

const clientPort = 40_000;
let world: OscoreWorld;
let sealed: Map<string, string>;
let tokens: Map<string, string>;
let reused: string[];
let texts: number;

/**
 * Every protected datagram as an eavesdropper sees it, by the key and nonce that it was made with: who sent it, and the Partial IV of its own or of the
 * request that it answers. The same nonce with another text would give the key stream away (RFC 8613 section 5.2).
 */
function watch(of: OscoreWorld): void {
  const option = new OscoreOption();
  of.world.network.taps.push(({ bytes, from, to }) => {
    const seen = decodePlain(bytes);
    const value = seen.option(OptionNumber.oscore);
    if (value === undefined) return;
    texts++;
    expect(option.decode(value, 0, value.length)).toBe(true);
    const sender = from.address === serverAddress.address ? "server" : "client";
    const isRequest = seen.code >> 5 === 0;
    const context = option.kidContextStart < 0 ? "" : value.slice(option.kidContextStart, option.kidContextEnd).join();
    const asked = `${isRequest ? from.address : to.address}:${isRequest ? from.port : to.port} ${seen.token}`;
    if (isRequest) tokens.set(asked, `${option.partialIv} ${context}`);
    const nonce =
      option.partialIv >= 0 ? `own ${option.partialIv} ${context}` : `of the request ${tokens.get(asked) ?? "unknown"}`;
    expect(nonce).not.toContain("unknown");
    const text = Buffer.from(bytes.subarray(bytes.indexOf(0xff, 5 + value.length))).toString("hex");
    const before = sealed.get(`${sender} ${nonce}`);
    if (before !== undefined && before !== text) reused.push(`${sender} ${nonce}`);
    sealed.set(`${sender} ${nonce}`, text);
  });
}

afterEach(() => world.stop());

it.each([1, 2, 3, 4])(
  "RFC 8613 7.2, 7.5, 8.3: no nonce protects two texts, on a network that loses, doubles and delays, over restarts and in both roles (seed %i)",
  async (seed) => {
    sealed = new Map();
    tokens = new Map();
    reused = [];
    texts = 0;
    const disk = new Map<string, number>();
    const leases = {
      lease(name: string, count: number): number {
        const first = disk.get(name) ?? 0;
        disk.set(name, first + count);
        return first;
      },
    };
    for (let start = 0; start < 2; start++) {
      world = new OscoreWorld({
        ...{ loss: 0.15, duplication: 0.2, reordering: 0.2, seed: seed * 10 + start },
        ...{ serverLeases: leases, clientLeases: leases, oscoreLimits: { leasedNumbers: 16 } },
        ...{ serverOptions: { isNew: false }, clientOptions: { isNew: false } },
      });
      watch(world);
      let value = start * 100;
      let stored = "";
      for (const end of [world.server, world.client]) {
        for (const replay of ["again", "once"] as const) {
          const answer = (_request: unknown, reply: { payload: Uint8Array }): void => {
            reply.payload = bytesOf(`${replay} ${value++}`);
          };
          end.route({ method: "GET", path: `/${replay}`, replay, observable: replay === "again", answer });
        }
        end.route({
          method: "POST",
          path: "/late",
          replay: "again",
          async later() {
            await new Promise<void>((resolve) => world.world.clock.after(5_000, resolve));
            return { payload: bytesOf(`late ${value++}`) };
          },
        });
        end.route({
          method: "PUT",
          path: "/store",
          replay: "again",
          answer: ({ payload }) => {
            stored = textOf(payload);
          },
        });
      }
      await world.start();
      const back = { address: "10.0.0.2", port: clientPort, identity: node };
      const observation = world.client.observe(
        { to: world.to, path: ["again"] },
        { notification: () => undefined, ended: () => undefined },
      );
      for (let i = 0; i < 12; i++) {
        const asked = [
          world.client.request({ to: world.to, method: "GET", path: [i % 2 === 0 ? "again" : "once"] }),
          world.client.request({ to: world.to, method: "POST", path: ["late"] }),
          world.server.request({ to: back, method: "GET", path: ["again"] }),
          world.client.request({
            to: world.to,
            method: "PUT",
            path: ["store"],
            payload: bytesOf("x".repeat(70)),
            blockSize: 32,
          }),
        ];
        for (const each of asked) each.catch(() => undefined);
        world.server.notify("/again");
        if (i === 6) observation.renew();
        await world.world.clock.advance(20_000);
      }
      await world.world.clock.advance(200_000);
      expect(stored).toBe("x".repeat(70));
      if (start === 0) await world.stop();
    }
    expect(texts).toBeGreaterThan(150);
    expect(reused).toEqual([]);
  },
);
