import type { Entropy } from "../../../kernel/entropy.ts";
import type { Log } from "../../../kernel/log.ts";
import { RowTable } from "../../../kernel/row-table.ts";
import { faults } from "../../faults.ts";
import type { PeerIdentity } from "../../route.ts";
import { aeads } from "./aead.ts";
import { cborBytes } from "./cose.ts";
import { material, OscoreContext } from "./oscore-context.ts";
import { type OscoreLimits, oscoreLimits } from "./oscore-limits.ts";
import type { OscoreOption } from "./oscore-option.ts";
import type { OscoreContextOptions, OscoreParameters } from "./oscore-parameters.ts";
import { SenderNumbers } from "./sender-numbers.ts";
import type { SequenceLeases } from "./sequence-leases.ts";
import { writeMaterial } from "./write-material.ts";

export interface OscoreContextsOptions {
  readonly entropy: Entropy;
  readonly log: Log;
  readonly leases: SequenceLeases;
  /** Default `native`, the addon's, where that is built; else `node`, that of node:crypto, which is far slower. */
  readonly aead?: "native" | "node" | undefined;
  /** Overrides of `oscoreLimits.defaults`, one by one. */
  readonly limits?: { readonly [Name in keyof OscoreLimits]?: number | undefined } | undefined;
  /**
   * Asked for a `kid` that no context has: what `add` would be given, so that contexts of a large fleet are made when they are first
   * needed. In the turn of the datagram, so from memory; a stranger may ask it at will.
   */
  readonly lookup?: ((kid: Uint8Array, kidContext: Uint8Array | undefined) => FoundContext | undefined) | undefined;
}

interface FoundContext {
  readonly parameters: OscoreParameters;
  readonly options: OscoreContextOptions;
}

/**
 * The security contexts of an endpoint, found by `kid` and `kid context`. What is removed is refused at the next datagram. Given to
 * `new CoapEndpoint({ oscore })`; a table serves one endpoint.
 */
export class OscoreContexts {
  readonly limits: OscoreLimits;
  readonly entropy: Entropy;
  readonly aead: "native" | "node";
  readonly numbers: SenderNumbers;
  readonly #log: Log;
  readonly #lookup: OscoreContextsOptions["lookup"];
  readonly #memory: Uint8Array;
  readonly #freeSlots: number[] = [];
  #usedSlots = 0;
  #nextNumber = 1;
  #size = 0;
  /** Places kept for what contexts of appendix B.2 will derive: a datagram must find room for it. */
  #reserved = 0;
  #hasLookupFailed: boolean = false;
  readonly #kids: RowTable<Record<never, never>>;
  /** By row of `#kids`: the first context with that ID. */
  readonly #heads: (OscoreContext | undefined)[] = [];
  /** 52 bits of each sender key, which no two contexts may have in common (RFC 8613 section 3.3). */
  readonly #senderKeys = new Set<number>();
  readonly #byIdentity = new Map<string, OscoreContext[]>();
  /** Told of each context that goes: the endpoint drops what it holds for it. */
  removed: ((context: OscoreContext) => void) | undefined = undefined;

  constructor({ entropy, log, leases, aead = "native", limits = {}, lookup }: OscoreContextsOptions) {
    this.limits = oscoreLimits.resolve(limits);
    this.entropy = entropy;
    this.aead = aead;
    this.#log = log;
    this.numbers = new SenderNumbers(leases, log, this.limits.leasedNumbers);
    this.#lookup = lookup;
    const capacity = this.limits.contexts;
    this.#memory = new Uint8Array(capacity * material.bytes);
    this.#kids = new RowTable({ capacity, columns: {}, hashSeed: entropy.uint32() });
  }

  get size(): number {
    return this.#size;
  }

  /** Throws `coap.oscore-parameters` for what RFC 8613 section 3.3 forbids, `coap.queue-full` at the limit. */
  add(parameters: OscoreParameters, options: OscoreContextOptions = {}): OscoreContext {
    const facts = aeads[parameters.algorithm ?? "AES-CCM-16-64-128"];
    const problem = problemOf(parameters, facts.nonceLength - 6);
    if (problem !== undefined) throw faults("coap.oscore-parameters", { reason: problem });
    const needed = options.derivesAnew === true ? 2 : 1;
    if (this.#size + this.#reserved + needed > this.limits.contexts) {
      throw faults("coap.queue-full", { limit: "oscore contexts", value: this.limits.contexts });
    }
    const { recipientId } = parameters;
    const first = this.#headAt(recipientId, 0, recipientId.length);
    for (let other = first; other !== undefined; other = other.next) {
      if (isId(other, recipientId, 0, recipientId.length) && isSame(other.idContext, parameters.idContext)) {
        throw faults("coap.oscore-parameters", { reason: "there is a context with this recipient ID and ID Context" });
      }
    }
    const at = (this.#freeSlots.pop() ?? this.#usedSlots++) * material.bytes;
    writeMaterial(parameters, this.#memory, at);
    if (this.#senderKeys.has(keyNumber(this.#memory, at))) {
      this.#freeSlots.push(at / material.bytes);
      const reason = "there is a context with this secret, ID Context and sender ID: both would use the same nonces";
      throw faults("coap.oscore-parameters", { reason });
    }
    this.#senderKeys.add(keyNumber(this.#memory, at));
    const number = this.#nextNumber++;
    const context = new OscoreContext({ number, facts, parameters, options, memory: this.#memory, at });
    const row = this.#kids.insert(keyOfId(recipientId, 0, recipientId.length));
    context.next = this.#heads[row];
    this.#heads[row] = context;
    this.#size++;
    this.#reserved += needed - 1;
    this.#join(context);
    return context;
  }

  /**
   * A context with the secret and IDs of another and an ID Context of its own, which no request finds (appendix B.2). Its keys are new, so its
   * sequence numbers begin anew and are written nowhere.
   */
  derive(base: OscoreContext, idContext: Uint8Array): OscoreContext {
    if (base.parameters === undefined) throw new TypeError("This context doesn't derive others.");
    const parameters = { ...base.parameters, idContext };
    const memory = new Uint8Array(material.bytes);
    writeMaterial(parameters, memory, 0);
    const options = { ...base.options, isNew: true, derivesAnew: false };
    const context = new OscoreContext({ number: 0, facts: base.facts, parameters, options, memory, at: 0 });
    this.numbers.ownAll(context);
    context.base = base;
    return context;
  }

  /** The same, found by requests and in place of the one that was derived from `base` before. */
  adopt(base: OscoreContext, idContext: Uint8Array): OscoreContext {
    const { parameters, options } = base;
    if (parameters === undefined) throw new TypeError("This context doesn't derive others.");
    if (base.derived?.isRemoved === false) {
      base.derived.isReplaced = true;
      this.remove(base.derived);
    }
    this.#reserved--;
    const context = this.add({ ...parameters, idContext }, { ...options, isNew: true, derivesAnew: false });
    this.numbers.ownAll(context);
    context.wrappedIdContext = Uint8Array.from(cborBytes(idContext));
    context.base = base;
    base.derived = context;
    return context;
  }

  /** From now on nothing verifies with it; observations, transfers and requests under it end. Idempotent. */
  remove(context: OscoreContext): void {
    if (context.isRemoved) return;
    context.isRemoved = true;
    if (context.base !== undefined) this.#reserved++;
    if (context.derived !== undefined) this.remove(context.derived);
    if (context.parameters !== undefined) this.#reserved--;
    const { memory, at } = context;
    const idAt = at + material.recipientId + 1;
    const row = this.#kids.find(keyOfId(memory, idAt, idAt + memory[idAt - 1]!));
    let before: OscoreContext | undefined;
    for (let each = this.#heads[row]; each !== context && each !== undefined; each = each.next) before = each;
    if (before !== undefined) before.next = context.next;
    else this.#heads[row] = context.next;
    if (this.#heads[row] === undefined) this.#kids.removeRow(row);
    this.#leave(context);
    this.#size--;
    this.removed?.(context);
    this.#senderKeys.delete(keyNumber(memory, at));
    // Keys don't outlive their context.
    memory.fill(0, at, at + material.bytes);
    this.#freeSlots.push(at / material.bytes);
  }

  /** Removes every context of the identity; returns how many there were. */
  revoke(identity: PeerIdentity): number {
    const contexts = [...(this.#byIdentity.get(nameOf(identity)) ?? [])];
    for (const context of contexts) this.remove(context);
    return contexts.length;
  }

  /** The context that protects our requests to that identity, or the one that derives those which do. */
  of(identity: PeerIdentity): OscoreContext | undefined {
    const current = this.#byIdentity.get(nameOf(identity))?.find(({ isCurrent }) => isCurrent);
    return current?.base ?? current;
  }

  /**
   * The first context, or the next after one, that the `kid` and, if there is one, the `kid context` of a request name. `option` holds
   * where they are in `bytes`.
   */
  find(bytes: Uint8Array, option: OscoreOption, after?: OscoreContext): OscoreContext | undefined {
    const { kidStart, kidEnd } = option;
    const first = after === undefined ? this.#headAt(bytes, kidStart, kidEnd) : after.next;
    for (let each = first; each !== undefined; each = each.next) {
      if (isId(each, bytes, kidStart, kidEnd) && isContextOf(each, bytes, option)) return each;
    }
    return after === undefined ? this.#lookUp(bytes, option) : undefined;
  }

  /** One that derives others (appendix B.2) and has that recipient ID, whatever the ID Context. */
  findDeriving(bytes: Uint8Array, { kidStart, kidEnd }: OscoreOption): OscoreContext | undefined {
    for (let each = this.#headAt(bytes, kidStart, kidEnd); each !== undefined; each = each.next) {
      if (each.parameters !== undefined && isId(each, bytes, kidStart, kidEnd)) return each;
    }
    return undefined;
  }

  #lookUp(bytes: Uint8Array, option: OscoreOption): OscoreContext | undefined {
    if (this.#lookup === undefined || this.#size + this.#reserved >= this.limits.contexts) return undefined;
    const { kidStart, kidEnd, kidContextStart, kidContextEnd } = option;
    const kidContext = kidContextStart < 0 ? undefined : bytes.slice(kidContextStart, kidContextEnd);
    const more = this.#lookup(bytes.slice(kidStart, kidEnd), kidContext);
    if (more === undefined) return undefined;
    const context = this.#added(more);
    if (context === undefined) return undefined;
    return isId(context, bytes, kidStart, kidEnd) && isContextOf(context, bytes, option) ? context : undefined;
  }

  /** A stranger's datagram asked for it, so what can't be added is told once and counts as not found. */
  #added({ parameters, options }: FoundContext): OscoreContext | undefined {
    try {
      return this.add(parameters, options);
    } catch (error) {
      if (!this.#hasLookupFailed)
        this.#log.error("oscore-lookup-failed", { message: error instanceof Error ? error.message : String(error) });
      this.#hasLookupFailed = true;
      return undefined;
    }
  }

  /** A message didn't verify with it. Told once, half way to the limit from which on nothing is opened with it. */
  failed(context: OscoreContext): void {
    context.failures++;
    if (context.failures !== Math.ceil(this.limits.forgeries / 2)) return;
    this.#log.warn("oscore-forgeries", { failures: context.failures, identity: nameOf(context.identity) });
  }

  /** A message verified: its context is the one that the peer uses. */
  verified(context: OscoreContext): void {
    if (context.isCurrent || context.isRemoved) return;
    for (const other of this.#byIdentity.get(nameOf(context.identity)) ?? []) other.isCurrent = false;
    context.isCurrent = context.identity.kind !== "none";
  }

  #join(context: OscoreContext): void {
    if (context.identity.kind === "none") return;
    const name = nameOf(context.identity);
    const others = this.#byIdentity.get(name) ?? [];
    for (const other of others) other.isCurrent = false;
    context.isCurrent = true;
    others.push(context);
    this.#byIdentity.set(name, others);
  }

  #leave(context: OscoreContext): void {
    if (context.identity.kind === "none") return;
    const name = nameOf(context.identity);
    const others = (this.#byIdentity.get(name) ?? []).filter((other) => other !== context);
    if (others.length === 0) this.#byIdentity.delete(name);
    else {
      this.#byIdentity.set(name, others);
      if (context.isCurrent) others.at(-1)!.isCurrent = true;
    }
    context.isCurrent = false;
  }

  #headAt(bytes: Uint8Array, start: number, end: number): OscoreContext | undefined {
    const row = this.#kids.find(keyOfId(bytes, start, end));
    return row < 0 ? undefined : this.#heads[row];
  }
}

function problemOf(
  { masterSecret, senderId, recipientId, idContext }: OscoreParameters,
  maxId: number,
): string | undefined {
  if (masterSecret.length < 16) return "a master secret has at least 16 bytes";
  if (senderId.length > maxId || recipientId.length > maxId) return `an ID has at most ${maxId} bytes`;
  if (isSame(senderId, recipientId)) return "sender and recipient have the same ID";
  if (idContext !== undefined && idContext.length > 64) return "an ID Context has at most 64 bytes";
  return undefined;
}

function keyNumber(memory: Uint8Array, at: number): number {
  let number = memory[at + 6]! & 15;
  for (let i = 0; i < 6; i++) number = number * 256 + memory[at + i]!;
  return number;
}

/** Up to six bytes are their own key; of seven, two share what six say and are told apart by comparing. */
function keyOfId(bytes: Uint8Array, start: number, end: number): number {
  let key = end - start;
  for (let i = Math.max(start, end - 6); i < end; i++) key = (key * 256 + bytes[i]!) % Number.MAX_SAFE_INTEGER;
  return key;
}

function isId({ memory, at }: OscoreContext, bytes: Uint8Array, start: number, end: number): boolean {
  const idAt = at + material.recipientId;
  if (memory[idAt] !== end - start) return false;
  for (let i = start; i < end; i++) if (memory[idAt + 1 + i - start] !== bytes[i]) return false;
  return true;
}

/** A request without `kid context` names contexts of any. One that appendix B.2 derived comes wrapped, or as it is. */
function isContextOf(context: OscoreContext, bytes: Uint8Array, option: OscoreOption): boolean {
  const { kidContextStart, kidContextEnd } = option;
  if (kidContextStart < 0) return true;
  const { idContext, wrappedIdContext } = context;
  return (
    isPart(idContext, bytes, kidContextStart, kidContextEnd) ||
    isPart(wrappedIdContext, bytes, kidContextStart, kidContextEnd)
  );
}

function isPart(value: Uint8Array | undefined, bytes: Uint8Array, start: number, end: number): boolean {
  if (value?.length !== end - start) return false;
  for (let i = 0; i < value.length; i++) if (value[i] !== bytes[start + i]) return false;
  return true;
}

function isSame(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

function nameOf(identity: PeerIdentity): string {
  return identity.kind === "none" ? "" : `${identity.kind} ${identity.id}`;
}
