import type { Addon, NativeDtls } from "../../../coap/native/addon.ts";
import { dtlsCiphers } from "../../../coap/security/dtls-options.ts";
import type { Random } from "../endpoint/random.ts";
import { mutate } from "../mutator.ts";
import { ClientHello } from "./client-hello.ts";

const finished = 1;
const closed = 2;
const failed = 4;
const resumed = 8;
const rows = 16;
const flights = 14;
const address = Uint8Array.of(127, 0, 0, 1, 0x16, 0x33);
const cookieBytes = 32;
/** The longest connection ID that is put into records for a peer, and how the answer begins: an extension with one of our 8 bytes. */
const maxId = 16;
const ownId = Uint8Array.of(0, 54, 0, 9, 8);
const key = new TextEncoder().encode("a key that both have");

/**
 * A client and a server of the addon who talk through this. What goes between them is spoilt, cut, repeated and lost; every datagram is
 * given in a buffer of its exact size, so that a byte read behind it ends the run under the address sanitizer.
 */
export class DtlsPair {
  readonly counts = { handshakes: 0, resumed: 0, failed: 0, records: 0, forged: 0, forgedHellos: 0, ids: 0 };
  readonly #random: Random;
  readonly #server: NativeDtls;
  readonly #clients: readonly NativeDtls[];
  readonly #seen: Uint8Array[] = [];
  #earlier: Uint8Array | undefined;
  #period = 1;

  constructor(addon: Addon, random: Random) {
    this.#random = random;
    const shared = { sessions: rows, mtu: 1280, retransmitMs: 1000, ciphers: dtlsCiphers, ticketSeconds: 3600 };
    const keyOf = (identity: string): Uint8Array | undefined => (identity === "n1" ? key : undefined);
    const parts = { server: true, takesPsk: true, client: false, connectionId: true };
    this.#server = addon.createDtls({ ...shared, ...parts, ticketSecret: new Uint8Array(32).fill(7) }, keyOf);
    this.#server.rotateTickets(this.#period);
    const client = { ...shared, server: false, takesPsk: false, client: true, pskIdentity: "n1", pskKey: key };
    this.#clients = [true, false].map((connectionId) => addon.createDtls({ ...client, connectionId }, () => undefined));
  }

  /** One session from its first hello to its end. Throws when something got through that nobody sent. */
  round(): void {
    const random = this.#random;
    if (random.once(30)) this.#server.rotate();
    if (random.once(50)) this.#server.rotateTickets(++this.#period);
    const client = random.pick(this.#clients);
    const row = random.below(rows);
    const spoilsEvery = random.pick([0, 0, 30, 8, 3]);
    this.#server.drop(row);
    client.drop(row);
    // What a client kept may be of another run, or broken on its disk; the ticket inside is the server's to refuse.
    const earlier = this.#earlier === undefined || random.once(3) ? undefined : this.#maybeSpoilt(this.#earlier, 3);
    let isFinished = false;
    let back = 0;
    let toServer = this.#take(client, client.connect(row, "127.0.0.1", earlier && exact(earlier)));
    for (let flight = 0; flight < flights && !isFinished; flight++) {
      const toClient = toServer
        .flatMap((bytes) => this.#spoiled(bytes, spoilsEvery))
        .flatMap((bytes) => this.#deliver(row, bytes));
      toServer = [];
      for (const bytes of toClient.flatMap((each) => this.#spoiled(each, spoilsEvery))) {
        const events = client.feed(row, exact(bytes), 0, bytes.length);
        toServer.push(...this.#take(client, events));
        back |= events;
        if ((events & finished) !== 0) isFinished = true;
        if ((events & finished) !== 0) this.#finished(client, row, events);
      }
      if (toServer.length === 0 && !isFinished) {
        client.tick(row);
        toServer = this.#take(client, 0);
      }
      if ((back & failed) !== 0) break;
    }
    if ((back & failed) !== 0) this.counts.failed++;
    for (const bytes of toServer) this.#deliver(row, bytes);
    if (isFinished) this.#talk(client, row);
    this.#forgedHello(random.below(rows));
    for (let i = 0; i < 5; i++) this.#noise(random.below(rows));
    client.shut(row);
    for (const bytes of this.#take(client, 0)) this.#deliver(row, bytes);
    if (random.once(2)) this.#server.shut(row);
  }

  #finished(client: NativeDtls, row: number, events: number): void {
    this.counts.handshakes++;
    if ((events & resumed) !== 0) this.counts.resumed++;
    client.peer(row);
    this.#earlier = client.resumable(row) ?? this.#earlier;
  }

  /** As the adapter does: hellos are challenged, what has an ID of ours is looked up by it, all else goes to the session of its address. */
  #deliver(row: number, bytes: Uint8Array): Uint8Array[] {
    const server = this.#server;
    const datagram = exact(bytes);
    const { length } = datagram;
    server.address.set(address);
    const named = server.sessionOf(datagram, 0, length);
    if (named >= 0) this.counts.ids++;
    if (named >= rows) throw new Error("a connection ID names a session that can't be");
    const isHello = length > 13 && datagram[0] === 22 && datagram[13] === 1 && datagram[3] === 0 && datagram[4] === 0;
    if (!isHello) return this.#take(server, server.feed(named >= 0 ? named : row, datagram, 0, length));
    const verdict = server.challenge(datagram, 0, length, address.length);
    if (verdict !== 2) return this.#take(server, 0);
    // One that goes on with its handshake is fed to it, one of somebody new takes its place.
    if (this.#random.once(2)) {
      const events = server.feed(row, datagram, 0, length);
      const more = this.#take(server, events);
      if (more.length > 0) return more;
    }
    server.drop(row);
    return this.#take(server, server.accept(row, datagram, 0, length));
  }

  /** A hello whose inside is another one, with a cookie that is right for it: so that it comes as far as OpenSSL and our extension. */
  #forgedHello(row: number): void {
    const random = this.#random;
    // One that offers no connection ID by itself.
    const client = this.#clients[1]!;
    client.drop(row);
    client.connect(row, "127.0.0.1", this.#earlier && exact(this.#earlier));
    const [first] = this.#take(client, 0);
    client.drop(row);
    const own = ClientHello.of(first!);
    if (random.once(2)) {
      const id = this.#anyId();
      const answer = this.#acceptForged(row, own.withConnectionId(id));
      if (answer === undefined) throw new Error("no hello any more");
      const { events, out } = answer;
      if (id[0] !== id.length - 1) {
        if ((events & failed) === 0)
          throw new Error(`took a connection ID of another length: ${events} ${id.length} ${id[0]}`);
        return;
      }
      const isTaken = out.some((bytes) => Buffer.from(bytes).includes(Buffer.from(ownId)));
      if (isTaken !== id[0]! <= maxId)
        throw new Error(
          `answered a connection ID of ${id[0]} bytes wrongly: ${events} ${out.map((each) => Buffer.from(each).toString("hex")).join(" ")}`,
        );
      return;
    }
    const before = own.before.slice();
    if (random.once(4)) before[before.length - 1 - random.below(before.length - 25)]! ^= 1 << random.below(8);
    this.#acceptForged(row, new ClientHello(before, this.#maybeSpoilt(own.rest, 1)));
  }

  #acceptForged(row: number, hello: ClientHello): { events: number; out: Uint8Array[] } | undefined {
    const server = this.#server;
    const bare = exact(hello.bytes(new Uint8Array(0)));
    server.address.set(address);
    if (server.challenge(bare, 0, bare.length, address.length) !== 1) return undefined;
    const [verify] = this.#take(server, 0);
    const whole = exact(hello.bytes(verify!.slice(verify!.length - cookieBytes)));
    const isGood = server.challenge(whole, 0, whole.length, address.length) === 2;
    if (!isGood && hello.isRightlyCut) throw new Error("its own cookie is refused");
    if (!isGood) return undefined;
    this.counts.forgedHellos++;
    server.drop(row);
    const events = server.accept(row, whole, 0, whole.length);
    const out = this.#take(server, events);
    server.drop(row);
    return { events, out };
  }

  /** Short pieces that begin as something does. */
  #noise(row: number): void {
    const random = this.#random;
    const bytes = new Uint8Array(random.below(140));
    for (let i = 0; i < bytes.length; i++) bytes[i] = random.below(256);
    bytes.set(
      Uint8Array.of(random.pick([20, 21, 22, 23, 25]), 0xfe, random.pick([0xfd, 0xff])).subarray(0, bytes.length),
    );
    if (bytes.length > 80) {
      // A hello whose lengths are right as far as it goes.
      const hello = new ClientHello(bytes.fill(0, 3, 11).slice(0, 60), bytes.subarray(60)).bytes(new Uint8Array(0));
      hello.set([22], 0);
      hello.set([1, ...hello.subarray(14, 17), 0, 0, 0, 0, 0], 13);
      hello[59] = random.below(12);
      this.#deliver(row, hello);
      return;
    }
    this.#deliver(row, bytes);
  }

  /** The extension's value: an ID with its length, right or wrong, allowed or too long. */
  #anyId(): Uint8Array {
    const random = this.#random;
    const length = random.pick([0, 1, 8, 16, 17, 100, 254]);
    return Uint8Array.of(random.once(3) ? random.below(256) : length, ...new Uint8Array(length).fill(9)).subarray(
      random.once(20) ? 1 : 0,
    );
  }

  /** Application data both ways, some of it spoilt: what comes out is what somebody put in. */
  #talk(client: NativeDtls, row: number): void {
    const random = this.#random;
    for (let i = random.below(6); i > 0; i--) {
      const [from, to] = random.once(2) ? [client, this.#server] : [this.#server, client];
      const message = new Uint8Array(1 + random.below(1200)).fill(row + 1);
      if (!from.seal(row, message, 0, message.length)) continue;
      for (const bytes of this.#take(from, 0)) {
        if (random.once(40)) this.#seen[random.below(20)] = bytes;
        const old = random.once(6) ? this.#seen[random.below(20)] : undefined;
        for (const each of [this.#maybeSpoilt(bytes, 3), ...(old === undefined ? [] : [old])]) {
          if (to === this.#server) this.#deliver(row, each);
          else this.#take(client, client.feed(row, exact(each), 0, each.length));
        }
      }
    }
  }

  /** Datagrams that a call left; what it took out of records is checked. */
  #take(side: NativeDtls, events: number): Uint8Array[] {
    const { counts, out, outRows, plain, plainRows } = side;
    if ((events & ~31) !== 0) throw new Error(`events that don't exist: ${events}`);
    if ((events & closed) !== 0 && (events & finished) !== 0) throw new Error("finished and closed at once");
    this.counts.forged += counts[2]!;
    for (let i = 0; i < counts[1]!; i++) {
      const bytes = plain.subarray(plainRows[2 * i]!, plainRows[2 * i]! + plainRows[2 * i + 1]!);
      this.counts.records++;
      if (bytes.length === 0 || bytes.some((byte) => byte !== bytes[0] || byte > rows)) {
        throw new Error(`a message that nobody sent: ${Buffer.from(bytes).toString("hex")}`);
      }
    }
    return Array.from({ length: counts[0]! }, (_, i) =>
      out.slice(outRows[2 * i]!, outRows[2 * i]! + outRows[2 * i + 1]!),
    );
  }

  /** Lost, twice, spoilt, cut, or as it is. */
  #spoiled(bytes: Uint8Array, every: number): Uint8Array[] {
    if (every === 0 || !this.#random.once(every)) return [bytes];
    return this.#random.pick([[], [bytes, bytes], [this.#maybeSpoilt(bytes, 1)], [this.#maybeSpoilt(bytes, 1), bytes]]);
  }

  #maybeSpoilt(bytes: Uint8Array, every: number): Uint8Array {
    if (!this.#random.once(every)) return bytes;
    if (this.#random.once(4)) return bytes.subarray(0, this.#random.below(bytes.length + 1));
    return mutate(bytes, random20, this.#random, 1400);
  }
}

const random20 = Uint8Array.from({ length: 20 }, (_, at) => (at * 97) & 0xff);

/** In memory of its own with nothing behind it; a small typed array alone would be in V8's heap, where no sanitizer watches. */
function exact(bytes: Uint8Array): Uint8Array {
  const copy = new Uint8Array(new ArrayBuffer(bytes.length));
  copy.set(bytes);
  return copy;
}
