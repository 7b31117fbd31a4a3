/**
 * The far end of a datagram, as numbers, so that finding a known peer costs no string.
 *
 * One object is reused by a transport for every datagram it delivers; `text()` is made only when somebody asks.
 * `key` stands for address, port and scope: for IPv4 it is `address * 65536 + port`, exact and below 2^48; for IPv6 it is a
 * hash from 2^48 up, so a hit must be confirmed with `isSame`.
 */
export class RemoteAddress {
  family: 4 | 6 = 4;
  port = 0;
  key = 0;
  /** The datagram was sent to a group, not to us. */
  isMulticast: boolean = false;
  /** Interface it came in by, where the transport knows. */
  interface: string | undefined = undefined;
  #text = "";
  #ipv4 = 0;

  static from(address: string, port: number, family?: 4 | 6): RemoteAddress {
    const remote = new RemoteAddress();
    remote.set(address, port, family ?? (address.includes(":") ? 6 : 4));
    return remote;
  }

  /** Takes the form that sockets give: dotted IPv4, or IPv6 with an optional `%scope`. */
  set(address: string, port: number, family: 4 | 6): void {
    this.port = port;
    if (family === 4) {
      this.setIpv4(parseIpv4(address), port);
      this.#text = address;
      return;
    }
    const mapped = mappedIpv4(address);
    if (mapped !== undefined) {
      this.setIpv4(parseIpv4(mapped), port);
      this.#text = mapped;
      return;
    }
    this.family = 6;
    this.#text = address;
    this.key = ipv6KeyBase + hashText(address, port);
  }

  /** The other way: what `key` of an IPv4 peer stands for. */
  setIpv4Key(key: number): void {
    this.setIpv4(Math.floor(key / 65_536), key % 65_536);
  }

  setIpv4(ipv4: number, port: number): void {
    this.family = 4;
    this.port = port;
    this.#ipv4 = ipv4;
    this.#text = "";
    this.key = ipv4 * 65_536 + port;
  }

  /** The IP address as text. */
  text(): string {
    if (this.#text === "") {
      const value = this.#ipv4;
      this.#text = `${value >>> 24}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}`;
    }
    return this.#text;
  }

  get isLoopback(): boolean {
    return this.family === 4 ? this.#ipv4 >>> 24 === 127 : this.#text === "::1" || this.#text.startsWith("::1%");
  }

  isSame(other: RemoteAddress): boolean {
    return this.key === other.key && (this.family === 4 || this.#text === other.#text);
  }

  copyFrom(other: RemoteAddress): void {
    this.family = other.family;
    this.port = other.port;
    this.key = other.key;
    this.isMulticast = other.isMulticast;
    this.interface = other.interface;
    this.#text = other.#text;
    this.#ipv4 = other.#ipv4;
  }
}

function parseIpv4(address: string): number {
  let value = 0;
  let octet = 0;
  for (let i = 0; i < address.length; i++) {
    const char = address.charCodeAt(i);
    if (char === 46) {
      value = value * 256 + octet;
      octet = 0;
    } else {
      octet = octet * 10 + (char - 48);
    }
  }
  return (value * 256 + octet) >>> 0;
}

/** `::ffff:192.0.2.1` is an IPv4 peer seen through a dual-stack socket. */
function mappedIpv4(address: string): string | undefined {
  return address.startsWith("::ffff:") && address.includes(".") ? address.slice(7) : undefined;
}

/** Keys from here up are hashes of IPv6 peers. */
export const ipv6KeyBase = 2 ** 48;

/** Of this process alone: somebody with a network of his own could else look for an address whose key is another's. */
// biome-ignore lint/style/noRestrictedGlobals: it decides only where a key lies in a table, so no run from a seed depends on it
const [lowSecret = 0, highSecret = 0] = crypto.getRandomValues(new Uint32Array(2));

/** 52 bits from two FNV-like runs over the text; collisions are found out by `isSame`. */
function hashText(text: string, port: number): number {
  let low = 0x811c9dc5 ^ lowSecret ^ port;
  let high = 0x1b873593 ^ highSecret ^ (port << 7);
  for (let i = 0; i < text.length; i++) {
    const char = text.charCodeAt(i);
    low = Math.imul(low ^ char, 0x01000193);
    high = Math.imul(high ^ char, 0x5bd1e995);
    high ^= high >>> 13;
  }
  return (high >>> 0) * 0x100000 + ((low >>> 0) & 0xfffff);
}
