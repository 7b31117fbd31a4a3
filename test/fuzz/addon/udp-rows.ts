import { createSocket } from "node:dgram";
import type { Addon, NativeUdp } from "../../../coap/native/addon.ts";
import type { Random } from "../endpoint/random.ts";

const row = 8;
const addressRow = 9;
const isIpv6 = 4;
const isTruncated = 2;
const shortest = 64;

/** One batch socket that anything is sent to and that is told to send anything. */
export class UdpRows {
  readonly counts = { received: 0, truncated: 0, ipv6: 0, sent: 0, sendFailed: 0 };
  readonly #random: Random;
  readonly #addon: Addon;

  constructor(addon: Addon, random: Random) {
    this.#addon = addon;
    this.#random = random;
  }

  /** Opens sockets with odd limits, sends and receives, and closes them again, some with datagrams still in them. */
  async round(): Promise<void> {
    const random = this.#random;
    const address = random.pick(["127.0.0.1", "::1", "::"]);
    const slotBytes = random.pick([shortest, 100, 2048, 65_536]);
    const batch = random.pick([1, 3, 64]);
    let received = 0;
    const buffers = { receiveBuffer: 262_144, queue: random.pick([1, 8, 256]), queueBytes: 65_536 };
    const shares = { sharesPort: false, sharesAddress: false };
    const udp: NativeUdp = this.#addon.openUdp(
      { address, port: 0, ...shares, ...buffers, batch, slotBytes },
      (count) => {
        received += count;
        if (count < 1 || count > batch) throw new Error(`a batch of ${count}`);
        for (let at = 0; at < count; at++) this.#check(udp, at, slotBytes);
      },
    );
    const family = address === "127.0.0.1" ? "udp4" : "udp6";
    const peer = createSocket(family);
    const isOpen = Promise.withResolvers<void>();
    peer.on("error", isOpen.reject);
    peer.bind(0, family === "udp4" ? "127.0.0.1" : "::1", isOpen.resolve);
    await isOpen.promise;
    const sends: Promise<void>[] = [];
    for (let i = 1 + random.below(20); i > 0; i--) {
      const sent = Promise.withResolvers<void>();
      const bytes = new Uint8Array(random.pick([0, 1, 4, 63, 64, 65, 1500, 9000]));
      const to = address === "::" && random.once(2) ? "::ffff:127.0.0.1" : peer.address().address;
      peer.send(bytes, udp.port, to, () => sent.resolve());
      sends.push(sent.promise);
    }
    this.#sendAnything(udp, buffers.queue);
    await Promise.all(sends);
    // Loopback has them at once; the loop has to come round to read them.
    for (let turn = 0; turn < 20 && received === 0; turn++) await new Promise((resolve) => setImmediate(resolve));
    this.counts.received += received;
    this.counts.sent += udp.stats[4]!;
    this.counts.sendFailed += udp.stats[5]!;
    udp.close();
    udp.close();
    udp.send(1);
    peer.close();
  }

  #check(udp: NativeUdp, at: number, slotBytes: number): void {
    const offset = udp.rxRows[at * row]!;
    const length = udp.rxRows[at * row + 1]!;
    const flags = udp.rxRows[at * row + 2]!;
    if (offset !== at * slotBytes || length < 0 || length > slotBytes) throw new Error("a datagram outside its slot");
    if ((flags & isTruncated) !== 0) this.counts.truncated++;
    if ((flags & isTruncated) !== 0 && length !== slotBytes) throw new Error("truncated and yet not full");
    if ((flags & isIpv6) === 0) return;
    this.counts.ipv6++;
    if (udp.text(at) !== "::1") throw new Error(`an address of nobody: ${udp.text(at)}`);
  }

  /** Rows with any numbers: each goes, or is refused and counted. */
  #sendAnything(udp: NativeUdp, queue: number): void {
    const random = this.#random;
    const numbers = [-1, 0, 1, 63, 65_535, 65_536, 0x7fffffff, -0x80000000];
    for (let i = 0; i < Math.min(queue, 32); i++) {
      for (let field = 0; field < row; field++) udp.txRows[i * row + field] = random.pick(numbers);
      // To loopback alone.
      udp.txRows[i * row + 2] = random.once(4) ? isIpv6 : 0;
      udp.txRows[i * row + 5] = 0x7f000001;
      udp.txRows[i * row + 6] = random.pick([0, 0x7f000001]);
      udp.aim(
        random.pick(["::1", "", "::1%", "::1%nobody", "::1%9999999999", "x", "1::2::3", "fe80::1%lo".repeat(9)]),
        i,
      );
      if (udp.txAddresses[i * addressRow + 3] !== 0x01000000) udp.txRows[i * row + 2] = 0;
    }
    for (const count of [Math.min(queue, 32), -1, 0, queue * 4]) if (count <= 32) udp.send(count);
    udp.text(-1);
    udp.text(1 << 20);
  }
}
