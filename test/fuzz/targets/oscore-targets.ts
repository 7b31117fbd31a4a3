import { createCipheriv } from "node:crypto";
import { readFileSync } from "node:fs";
import { CoapEndpoint } from "../../../coap/endpoint.ts";
import { OscoreContexts } from "../../../coap/security/oscore/oscore-contexts.ts";
import { OscoreOption } from "../../../coap/security/oscore/oscore-option.ts";
import { volatileLeases } from "../../../coap/security/oscore/sequence-leases.ts";
import { MemoryNetwork } from "../../../coap/transport/memory.ts";
import { silentLog } from "../../../kernel/log.ts";
import { seededEntropy } from "../../../kernel/seeded-entropy.ts";
import { VirtualClock } from "../../../kernel/virtual-clock.ts";
import { RawPeer, serverAddress } from "../../integration/coap-harness.ts";
import { type FuzzTarget, fromHex, mustHold } from "./fuzz-target.ts";

/** RFC 8613 appendix C.1: the client's half of the context that the endpoint has the other half of. */
const masterSecret = fromHex("0102030405060708090a0b0c0d0e0f10");
const masterSalt = fromHex("9e7ca92223786340");
const clientKey = fromHex("f0910ed7295e6ad4b54fc793154302ff");
const clientNonce = fromHex("4622d4dd6d944168eefb54987c");

const option = new OscoreOption();

/** The value of the OSCORE option alone. */
export const oscoreOptionTarget: FuzzTarget = {
  name: "oscore-option",
  seeds: () => ["", "0914", "1914082af60601", "19050837cbf3210017a2d301", "0a0100", "08ff"].map(fromHex),
  run(input) {
    if (!option.decode(input, 0, input.length)) return;
    for (const [start, end] of [
      [option.kidStart, option.kidEnd],
      [option.kidContextStart, option.kidContextEnd],
    ] as const) {
      if (start >= 0) mustHold(start <= end && end <= input.length, "what it names is inside");
    }
    mustHold(option.partialIv >= -1 && option.partialIv < 2 ** 40, "the Partial IV has 5 bytes at most");
  },
};

/** Protected requests whose bytes are the fuzzer's: the option, the ciphertext, or what was encrypted. */
export const oscoreTarget: FuzzTarget = {
  name: "oscore",
  seeds() {
    const file = readFileSync(new URL("../../vectors/oscore.json", import.meta.url), "utf8");
    const { requests, forged } = JSON.parse(file) as Record<string, Record<string, string>[]>;
    const wire = [...requests!.map((each) => each["protectedHex"]!), ...forged!.map((each) => each["hex"]!)];
    // A first byte of 0 says that the rest is a datagram, 1 that it is a plaintext to be encrypted as a genuine peer would.
    const datagrams = wire.map((hex) => fromHex(`00${hex}`));
    const plaintexts = ["01b474657374", "0163646174610a", "02ff01", "0151b474657374ff61", "05d1f2d4", "4500"];
    return [...datagrams, ...plaintexts.map((hex) => fromHex(`01${hex}`))];
  },
  async run(input) {
    world ??= await openWorld();
    if (input.length === 0) return;
    const { clock, peer, endpoint } = world;
    const before = endpoint.counters()["handlerFailed"];
    const datagram = input[0]! % 2 === 0 ? input.subarray(1) : seal(input.subarray(1), ++world.sequence);
    if (datagram.length > 1200) return;
    peer.sendBytes(datagram);
    await clock.advance(20);
    const answers = peer.take();
    mustHold(answers.length <= 1, "one datagram is answered once");
    mustHold(endpoint.counters()["handlerFailed"] === before, "no handler fails");
    // The replay window, Echo state and stored answers begin anew now and then, so that a run doesn't depend on a long past.
    if (world.sequence > 200) {
      await endpoint.stop();
      world = undefined;
    }
  },
};

interface OscoreWorld {
  readonly clock: VirtualClock;
  readonly peer: RawPeer;
  readonly endpoint: CoapEndpoint;
  sequence: number;
}
let world: OscoreWorld | undefined;

async function openWorld(): Promise<OscoreWorld> {
  const clock = new VirtualClock();
  const entropy = seededEntropy(1);
  const network = new MemoryNetwork({ clock, entropy, delayMs: [1, 1] });
  const oscore = new OscoreContexts({ entropy, log: silentLog, leases: volatileLeases() });
  oscore.add(
    { masterSecret, masterSalt, senderId: fromHex("01"), recipientId: new Uint8Array(0) },
    { identity: { kind: "node", id: "n", scheme: "oscore" }, isNew: true },
  );
  const transport = network.transport(serverAddress.address, serverAddress.port);
  const limits = { peers: 64, onceExchanges: 64, running: 64, transfers: 16, outstanding: 64, observers: 64 };
  const endpoint = new CoapEndpoint({ transport, clock, entropy, log: silentLog, oscore, limits });
  for (const method of ["GET", "PUT", "POST", "FETCH"] as const) {
    endpoint.route({
      method,
      path: "/test",
      replay: method === "POST" ? "once" : "again",
      answer(request, reply) {
        mustHold(request.peer.identity.kind === "node" || request.option(9) === undefined, "no half-opened request");
        reply.payload = request.payload;
      },
    });
  }
  await endpoint.start();
  return { clock, endpoint, sequence: 0, peer: new RawPeer(network.transport("10.0.1.1", 40_000), clock) };
}

/** What a genuine client would send, with any plaintext. */
function seal(plaintext: Uint8Array, sequence: number): Uint8Array {
  const iv = sequence < 256 ? Uint8Array.of(sequence) : Uint8Array.of(sequence >> 8, sequence);
  const nonce = clientNonce.slice();
  for (let i = 0; i < iv.length; i++) nonce[nonce.length - iv.length + i]! ^= iv[i]!;
  const external = Uint8Array.of(0x85, 1, 0x81, 10, 0x40, 0x40 | iv.length, ...iv, 0x40);
  const aad = Uint8Array.of(0x83, 0x68, ...Buffer.from("Encrypt0"), 0x40, 0x40 | external.length, ...external);
  const cipher = createCipheriv("aes-128-ccm", clientKey, nonce, { authTagLength: 8 });
  cipher.setAAD(aad, { plaintextLength: plaintext.length });
  const sealed = Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
  const value = Uint8Array.of(0x08 | iv.length, ...iv);
  return Uint8Array.of(0x41, 2, sequence >> 8, sequence, 7, 0x90 | value.length, ...value, 0xff, ...sealed);
}
