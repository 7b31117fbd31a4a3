import { echoText, fuzzPaths, patternAt, patternSize } from "./fuzz-routes.ts";
import { keepNewest } from "./keep-newest.ts";
import type { OscoreHosts, ProtectedRequest } from "./oscore-hosts.ts";
import { PlainMessage } from "./plain-message.ts";

/** The largest datagram that the engine may send. */
const maxMessage = 1232;
/** Tokens that the oracle remembers as waiting for something: an observer may have been told nothing for very long. */
const maxOpen = 200_000;
/** All else; far more than the engine's limits let be open. */
const maxKept = 20_000;
/** A confirmable request is acknowledged by then: the engine waits 200 ms for a slow handler, in steps of its timers. */
const acknowledgedWithinMs = 400;
/** MAX_PAYLOADS of RFC 9177. */
const maxPayloads = 10;
/** An unproven address gets at most this many times what it sent. */
const amplification = 3;

const utf8 = new TextEncoder();

/**
 * What may be answered to what. It sees every datagram that goes in and every one that comes out, reads both with its own reader and says
 * in a sentence what is wrong.
 */
export class ReplyOracle {
  readonly wrong: string[] = [];
  readonly counts = { direct: 0, later: 0, silent: 0, resets: 0, ours: 0, repeated: 0, bodiesChecked: 0 };
  readonly #asked = new PlainMessage();
  readonly #said = new PlainMessage();
  /** `host/token` of requests that may be answered in a message of its own, and of observers. */
  readonly #open = new Map<string, true>();
  /** By host and message ID: a digest of the last acknowledgement. */
  readonly #acknowledged = new Map<number, number>();
  /** Contexts whose replay window is known to be there. */
  readonly #synchronised = new Set<number>();
  /** Hosts and the protected answers that they were sent. */
  readonly #sealed = new Map<number, true>();
  /** Hosts and message IDs that were used: who uses one again may be taken for one who repeats. */
  readonly #used = new Map<number, true>();
  /** By host and message ID: when a confirmable request came that nothing was said to yet. */
  readonly #unacknowledged = new Map<number, { readonly sinceMs: number; readonly hex: string }>();
  /** Hosts that our own client talks to. */
  readonly targets = new Set<number>();
  #host = 0;
  #isMulticast = false;
  #directs = 0;
  #wasUsed = false;
  #wasOpen = false;
  /** Says which hosts never hear what they are sent, and so can't prove their address. */
  readonly #isBlind: (host: number) => boolean;
  readonly #oscore: OscoreHosts | undefined;
  /** What is inside the request at hand, when it was protected by somebody who has the keys. */
  #protected: ProtectedRequest | undefined;
  /** Told of an Echo inside of a protected answer. */
  echoed: (host: number, inner: PlainMessage) => void = () => {};

  constructor(isBlind: (host: number) => boolean, oscore?: OscoreHosts) {
    this.#isBlind = isBlind;
    this.#oscore = oscore;
  }

  get open(): number {
    return this.#open.size;
  }

  /** Before a datagram is handed to the engine. */
  going(bytes: Uint8Array, end: number, host: number, isMulticast: boolean): void {
    this.#asked.read(bytes, 0, end);
    this.#host = host;
    this.#isMulticast = isMulticast;
    this.#directs = 0;
    this.#protected = undefined;
    const asked = this.#asked;
    if (asked.state !== "good" || asked.codeClass !== 0 || asked.isEmpty) return;
    if (!isMulticast && asked.find(9) >= 0) this.#protected = this.#oscore?.read(asked, host);
    const key = host * 65_536 + asked.messageId;
    this.#wasUsed = this.#used.has(key);
    keepNewest(this.#used, key, true, maxKept);
    // Answered later at the route's will, by leisure, or again and again for an observer.
    const inner = this.#protected?.inner ?? asked;
    const isSlow = ["later", "slow-body"].includes(inner.texts(11)[0] ?? "");
    const mayBeLater = isMulticast || inner.uint(6) === 0 || isSlow || isQBlock(asked);
    const open = `${host}/${asked.token()}`;
    this.#wasOpen = this.#open.has(open);
    if (mayBeLater) this.#remember(open);
  }

  /** Everything that the engine sends; `isInTurn` says that it is still at the datagram that went in. */
  sent(bytes: Uint8Array, start: number, end: number, host: number, isInTurn: boolean): PlainMessage {
    const said = this.#said;
    said.read(bytes, start, end);
    if (said.type >= 2) this.#unacknowledged.delete(host * 65_536 + said.messageId);
    if (said.state !== "good") this.#complain(`sent what is no good message, to ${host}`);
    if (end - start > maxMessage) this.#complain(`sent ${end - start} bytes`);
    const isDirect = isInTurn && host === this.#host && this.#isDirect(said);
    this.#complain(isDirect ? this.#directFault(said, end - start) : this.#laterFault(said, host));
    return said;
  }

  /** After the engine's turn. */
  gone(nowMs: number): void {
    const { state, type, isEmpty, codeClass, messageId } = this.#asked;
    // RFC 9177: a set of blocks is the answer to one message.
    if (this.#directs > (isQBlock(this.#asked) ? maxPayloads : 1)) this.#complain("answered one datagram twice");
    if (this.#directs === 0) {
      this.counts.silent++;
      // Section 4.2: an empty confirmable message and a response that nobody waits for get a Reset.
      const isPing = state === "good" && type === 0 && isEmpty;
      const isResponse = state === "good" && type === 0 && codeClass >= 2 && codeClass <= 5;
      const isRequest = state === "good" && type === 0 && !isEmpty && codeClass === 0;
      const key = this.#host * 65_536 + messageId;
      // Echoes for requests that may be recorded ones have a rate, beyond which they are passed over.
      const mayBePassedOver = this.#protected !== undefined && !this.#synchronised.has(this.#protected.context);
      if (isRequest && !this.#isMulticast && !this.#wasUsed && !mayBePassedOver) {
        this.#unacknowledged.set(key, { sinceMs: nowMs, hex: this.#asked.hex() });
      }
      if ((isPing || isResponse) && !this.#isMulticast) this.#complain("said nothing to a confirmable message");
    }
  }

  /** Whether every confirmable request was acknowledged in time. */
  timePassed(nowMs: number): void {
    for (const [key, { sinceMs, hex }] of this.#unacknowledged) {
      if (nowMs - sinceMs < acknowledgedWithinMs) return;
      this.#complain(`never acknowledged ${hex} of host ${Math.floor(key / 65_536)}; after`);
      this.#unacknowledged.delete(key);
    }
  }

  #isDirect(said: PlainMessage): boolean {
    const asked = this.#asked;
    if (said.type >= 2) return true;
    // Whoever is heard again is told what waited for it: that has the token of an earlier request.
    if (this.#wasOpen && said.find(6) >= 0) return false;
    return said.type === 1 && asked.state === "good" && asked.type === 1 && said.token() === asked.token();
  }

  /** What is wrong with an answer in the turn of the datagram. */
  #directFault(said: PlainMessage, length: number): string | undefined {
    this.#directs++;
    this.counts.direct++;
    const asked = this.#asked;
    const sentLength = asked.end - asked.start;
    if (this.#isBlind(this.#host) && length > amplification * Math.max(sentLength, 4)) {
      return `${length} bytes to an unproven address that sent ${sentLength}`;
    }
    if (asked.state === "foreign") return "answered what is no CoAP of version 1";
    if (this.#isMulticast) return "answered a group's request at once";
    if (said.type >= 2 && said.messageId !== asked.messageId) return "answered with another message ID";
    if (said.type >= 2 && asked.type >= 2) return "answered an acknowledgement or a Reset";
    if (said.type === 2 && asked.type === 1) return "acknowledged a NON message";
    if (said.type === 3) return this.#resetFault(said);
    if (asked.state === "bad") return "answered a malformed message with more than a Reset";
    if (asked.isEmpty) return "answered an empty message with more than a Reset";
    if (said.isEmpty) {
      this.#remember(`${this.#host}/${asked.token()}`);
      return undefined;
    }
    if (asked.codeClass !== 0) return "answered a response with a response";
    if (said.codeClass < 2 || said.codeClass > 5) return "answered a request with no response code";
    // Section 4.5: who uses a message ID again too early gets what was answered to it before.
    if (said.type === 2 && this.#isRepeated(said, this.#host)) return undefined;
    if (said.token() !== asked.token()) return "answered with another token";
    if (this.#oscore !== undefined && asked.find(9) >= 0) return this.#oscoreFault(this.#oscore, said);
    if (said.find(9) >= 0) return "protected the answer to a request in the clear";
    return codeFault(asked, said) ?? this.#bodyFault(asked, said);
  }

  /** RFC 8613: what may be answered to a request with an OSCORE option. */
  #oscoreFault(oscore: OscoreHosts, said: PlainMessage): string | undefined {
    const asked = this.#protected;
    const isProtected = said.find(9) >= 0;
    if (!isProtected) {
      // Section 7.4 and 8.2: only what was refused before it was opened is answered in the clear, and outer blocks go on.
      const isOuterBlock = said.code === 0x5f && this.#asked.find(27) >= 0;
      if (said.codeClass === 2 && !isOuterBlock) return "success in the clear to what was protected";
      const isGood = asked?.isFresh === true && isProper(asked.inner) && this.#asked.numbers.length <= 32;
      return isGood && !isBusy(said.code) ? "refused what is genuine" : undefined;
    }
    // RFC 7252 section 4.5, as above: whoever keeps answers may have one for that message ID that is older than the last.
    const key = sealedKey(said, this.#host);
    if (this.#sealed.has(key)) return undefined;
    if (asked === undefined) return "protected the answer to a forgery";
    if (said.code !== 0x44 && said.code !== 0x45) return "an outer code that tells what is inside";
    const inner = oscore.openReply(said, asked);
    if (inner === undefined) return "an answer that doesn't verify";
    if (inner.state !== "good" || inner.codeClass < 2) return "an answer that is no good message inside";
    // Appendix B.1.2: before an Echo came back nothing is run, so it is asked for again and again.
    const isAskingEcho = inner.code === 0x81 && inner.find(252) >= 0;
    if (!isAskingEcho) this.#synchronised.add(asked.context);
    if (!isAskingEcho && oscore.answers(asked)) return "answered a replay";
    keepNewest(this.#sealed, key, true, maxKept);
    this.echoed(this.#host, inner);
    return isProper(asked.inner) ? (codeFault(asked.inner, inner) ?? this.#bodyFault(asked.inner, inner)) : undefined;
  }

  #resetFault(said: PlainMessage): string | undefined {
    this.counts.resets++;
    const asked = this.#asked;
    if (!said.isEmpty) return "sent a Reset that is not empty";
    const isRequest = asked.state === "good" && asked.codeClass === 0 && !asked.isEmpty;
    // RFC 8613 section 2: a protected message without a payload is malformed.
    if (isRequest && this.#oscore !== undefined && asked.find(9) >= 0 && asked.payload().length === 0) return undefined;
    // More options than are kept is a reason of the engine's own.
    return isRequest && asked.type === 0 && asked.numbers.length <= 32 ? "rejected a good request" : undefined;
  }

  #isRepeated(said: PlainMessage, host: number): boolean {
    const key = host * 65_536 + said.messageId;
    const digest = said.digest();
    const isSame = this.#acknowledged.get(key) === digest;
    if (isSame) this.counts.repeated++;
    keepNewest(this.#acknowledged, key, digest, maxKept);
    return isSame;
  }

  /** The bytes of a representation, whole or the block that it says it is. */
  #bodyFault(asked: PlainMessage, said: PlainMessage): string | undefined {
    if (said.code !== 0x45) return undefined;
    const path = asked.texts(11);
    const block = said.find(31) >= 0 ? said.uint(31) : said.uint(23);
    const offset = block < 0 ? 0 : (block >>> 4) * (16 << (block & 7));
    const payload = said.payload();
    if (path[0] === "body" || path[0] === "slow-body") {
      this.counts.bodiesChecked++;
      for (let i = 0; i < payload.length; i++) {
        if (payload[i] !== patternAt(offset + i)) return `wrong bytes in /${path[0]} at ${offset + i}`;
      }
      const isInside = payload.length > 0 && offset + payload.length <= patternSize;
      return isInside ? undefined : `a block outside of /${path[0]}`;
    }
    if (path[0] !== "echo") return undefined;
    this.counts.bodiesChecked++;
    const whole = utf8.encode(echoText(path[1]!, asked.texts(15)));
    const isWhole = block >= 0 || payload.length === whole.length;
    const isSame = payload.every((byte, i) => byte === whole[offset + i]);
    return isWhole && isSame ? undefined : "another representation of /echo";
  }

  /** What is wrong with what is sent at another time than in answer to the datagram at hand. */
  #laterFault(said: PlainMessage, host: number): string | undefined {
    // The acknowledgement of a slow request comes after the turn; a ping of ours goes to whom we ask.
    if (said.isEmpty)
      return said.type === 0 && !this.targets.has(host) ? `pinged ${host}, whom nobody asked` : undefined;
    if (said.codeClass === 0) {
      this.counts.ours++;
      return this.targets.has(host) ? undefined : `asked ${host}, whom nobody told it to`;
    }
    this.counts.later++;
    if (said.type === 2) this.#isRepeated(said, host);
    const key = `${host}/${said.token()}`;
    if (!this.#open.has(key)) return `sent ${host} a response to a request it never made`;
    this.#remember(key);
    if (said.find(9) < 0) return undefined;
    keepNewest(this.#sealed, sealedKey(said, host), true, maxKept);
    return this.#oscore?.laterFault(said, host);
  }

  #remember(key: string): void {
    keepNewest(this.#open, key, true, maxOpen);
  }

  #complain(what: string | undefined): void {
    if (what === undefined || this.wrong.length >= 20) return;
    const asked = this.#asked;
    const said = this.#said;
    const to = this.#isMulticast ? " to the group" : "";
    this.wrong.push(`${what}\n  in  ${asked.hex()} from ${this.#host}${to}\n  out ${said.hex()}`);
  }
}

/** A request that the engine has to understand. */
function isProper(inner: PlainMessage): boolean {
  return inner.state === "good" && !inner.isEmpty && inner.codeClass === 0 && inner.numbers.length <= 32;
}

const isQBlock = (asked: PlainMessage): boolean => asked.find(19) >= 0 || asked.find(31) >= 0;

const sealedKey = (said: PlainMessage, host: number): number => host * 2 ** 32 + said.digest();

/** 4.29 and 5.03. */
const isBusy = (code: number): boolean => code === 0x9d || code === 0xa3;

/** What is wrong with the code of an answer to a request that is well-formed. */
function codeFault(asked: PlainMessage, said: PlainMessage): string | undefined {
  const path = asked.texts(11);
  // Section 5.10.1: no segment is "." or "..".
  const isPath = !path.some((segment) => segment === "." || segment === "..");
  const found = isPath ? fuzzPaths.find((each) => fits(each.path, path)) : undefined;
  const isAllowed = found?.methods.includes(asked.code) === true;
  if (said.codeClass === 2 && !isAllowed) return `answered ${path.join("/")} with success`;
  if (said.code === 0x84 && found !== undefined && path[0] !== "store") return "4.04 for a path that is there";
  if (said.code === 0x85 && isAllowed) return "4.05 for a method that is there";
  const isOdd = asked.numbers.some((number) => number % 2 === 1 && !knownCritical.has(number));
  return said.codeClass === 2 && isOdd ? "success in spite of a critical option that nobody knows" : undefined;
}

/** Critical options that a request may carry and the engine may know. */
const knownCritical = new Set([1, 3, 5, 7, 9, 11, 15, 17, 19, 23, 27, 31, 35, 39]);

function fits(pattern: readonly string[], path: readonly string[]): boolean {
  if (pattern.at(-1) === "**") return path.length >= pattern.length && path[0] === pattern[0];
  return pattern.length === path.length && pattern.every((segment, i) => segment === "*" || segment === path[i]);
}
