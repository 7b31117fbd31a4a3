import { afterEach, beforeEach, expect, it } from "vitest";
import { blockOption } from "../../coap/blockwise/block-option.ts";
import { CoapEndpoint } from "../../coap/endpoint.ts";
import { Code, OptionNumber } from "../../coap/message.ts";
import { RemoteAddress } from "../../coap/transport/remote-address.ts";
import { silentLog } from "../../kernel/log.ts";
import { seededEntropy } from "../../kernel/seeded-entropy.ts";
import { bytesOf, decodePlain, encodePlain, type SeenMessage } from "./coap-harness.ts";
import { labelledSecurity } from "./labelled-security.ts";
import { type OscoreForger, OscoreWorld } from "./oscore-world.ts";

const at = { address: "10.0.0.50", port: 5_684 } as const;
const target = RemoteAddress.from(at.address, at.port);
const get = { options: [[OptionNumber.uriPath, "long"]] } as const;
let world: OscoreWorld;
let server: CoapEndpoint;
let forger: OscoreForger;

/** OSCORE inside of associations, whose identity may change while the address stays. */
beforeEach(async () => {
  world = new OscoreWorld();
  await world.start();
  const { clock, network } = world.world;
  server = new CoapEndpoint({
    transport: network.transport(at.address, at.port),
    security: labelledSecurity(),
    oscore: world.atServer,
    clock,
    entropy: seededEntropy(3),
    log: silentLog,
  });
  server.route({
    method: "GET",
    path: "/long",
    replay: "again",
    answer: (_request, reply) => void Object.assign(reply, { payload: bytesOf("x".repeat(150)) }),
  });
  await server.start();
  forger = world.forger();
});
afterEach(async () => {
  await server.stop();
  await world.stop();
});

async function send(who: number, bytes: Uint8Array): Promise<SeenMessage> {
  forger.peer.take();
  forger.peer.sendBytes(Uint8Array.of(who, ...bytes), target);
  await world.world.clock.advance(100);
  const answers = forger.peer.take();
  expect(answers).toHaveLength(1);
  return answers[0]!;
}

/** As a proxy sends a part of it. */
function piece(sealed: Uint8Array, messageId: number, block: readonly [number, number], part: [number, number?]) {
  const { code, option } = decodePlain(sealed);
  const ciphertext = sealed.subarray(sealed.indexOf(0xff, 5) + 1);
  return encodePlain({
    type: "CON",
    code,
    messageId,
    token: Uint8Array.of(7),
    options: [[OptionNumber.oscore, option(OptionNumber.oscore)!], block],
    payload: ciphertext.slice(...part),
  });
}

it("gives its protected answers to nobody after it, under the same message ID and token", async () => {
  const sealed = forger.sealed(get);
  const first = await send(1, sealed);
  expect((await send(1, sealed)).payload).toBe(first.payload);
  const other = await send(2, sealed);
  expect([other.code, other.payload]).toEqual([Code.unauthorized, "Replay detected"]);
  // What is asked after the change is remembered again, and neither comes back with the first one.
  const next = forger.sealed(get);
  const answer = await send(2, next);
  expect((await send(2, next)).payload).toBe(answer.payload);
  expect((await send(1, sealed)).payload).toBe("Replay detected");
  expect((await send(1, next)).payload).toBe("Replay detected");
});

it("leaves its outer blocks to nobody: neither a request that was begun nor the rest of an answer", async () => {
  const upload = forger.sealed({ ...get, payload: "y".repeat(100) });
  const begin = piece(upload, 1, [OptionNumber.block1, blockOption(0, true, 2)], [0, 64]);
  const end = piece(upload, 2, [OptionNumber.block1, blockOption(1, false, 2)], [64]);
  expect((await send(1, begin)).code).toBe(Code.continue);
  expect((await send(2, end)).code).toBe(Code.requestEntityIncomplete);
  const sealed = forger.sealed(get);
  const first = await send(2, piece(sealed, 3, [OptionNumber.block2, blockOption(0, false, 2)], [0]));
  expect(first.uint(OptionNumber.block2)).toBe(blockOption(0, true, 2));
  const more = (id: number): Uint8Array => piece(sealed, id, [OptionNumber.block2, blockOption(1, false, 2)], [0, 0]);
  expect((await send(2, more(4))).uint(OptionNumber.block2) >> 4).toBe(1);
  expect((await send(1, more(5))).code).toBe(Code.requestEntityIncomplete);
});
