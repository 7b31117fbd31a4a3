import { createHash } from "node:crypto";
import type { PackFacts } from "../../gateway/domain/pack-facts.ts";
import { type PackFirmware, unknownFirmware } from "../../gateway/domain/pack-firmware.ts";
import type { ArtifactAnswer, ArtifactSource } from "../../gateway/ports/artifact-source.ts";
import type { ArtifactStore, StoredArtifact } from "../../gateway/ports/artifact-store.ts";
import type { CarryEnd, CarryJob, FirmwareCarrier, PayloadBytes } from "../../gateway/ports/firmware-carrier.ts";
import type { SitePacks } from "../../gateway/ports/site-packs.ts";
import { type Clock, sleep } from "../../kernel/clock.ts";
import { type Digest, digestFromBytes, digestHex } from "../../schemas/wire/digest.ts";
import type { HardwareNumber } from "../../schemas/wire/site-topics.ts";

export const sha256 = (bytes: Uint8Array): Digest => digestFromBytes(createHash("sha256").update(bytes).digest());

type Listener = Parameters<SitePacks["onChange"]>[0];

/** The packs of a bus that isn't there. */
export class FakePacks implements SitePacks {
  readonly #facts = new Map<HardwareNumber, PackFacts>();
  readonly #listeners = new Set<Listener>();
  masterPack: HardwareNumber | undefined;

  add(hardware: HardwareNumber, running: Digest, firmware: Partial<PackFirmware> = {}): void {
    this.#facts.set(hardware, {
      ...{ hardware, canNode: this.#facts.size, isSilent: false, heardAtMs: undefined },
      firmware: {
        ...unknownFirmware,
        state: {
          ...{ phase: "idle", isTrial: false, isSafe: false, wasRolledBack: false, rollbackReason: "none" },
          manifestSequence: 1,
        },
        boots: { resetReason: "power-on", boots: 1, errors: 0 },
        limits: { slotSize: 1_000_000, window: 4096 },
        digests: { running },
        ...firmware,
      },
    });
    this.#changed(hardware, "presence");
  }

  change(hardware: HardwareNumber, over: Partial<PackFacts>): void {
    const before = this.#facts.get(hardware);
    if (before === undefined) throw new Error(`There is no pack ${hardware}.`);
    this.#facts.set(hardware, { ...before, ...over });
    this.#changed(hardware, "isSilent" in over ? "presence" : "firmware" in over ? "firmware" : "state");
  }

  firmware(hardware: HardwareNumber, over: Partial<PackFirmware>): void {
    this.change(hardware, { firmware: { ...this.find(hardware)!.firmware, ...over } });
  }

  list(): readonly HardwareNumber[] {
    return [...this.#facts.keys()];
  }

  find(pack: HardwareNumber): PackFacts | undefined {
    return this.#facts.get(pack);
  }

  master(): HardwareNumber | undefined {
    return this.masterPack;
  }

  onChange(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #changed(...of: Parameters<Listener>): void {
    for (const each of [...this.#listeners]) each(...of);
  }
}

const blockBytes = 1024;

/**
 * A bus and the packs on it, as strict as they are: one transfer at a time, manifest before payload, each block in its turn, the payload
 * judged by its digest, then a boot and a self-test that take their time. A transfer that was cut goes on where it was.
 */
export class FakeCarrier implements FirmwareCarrier {
  readonly #packs: FakePacks;
  readonly #clock: Clock;
  readonly #slots = new Map<string, Uint8Array[]>();
  /** In the order in which they began. */
  readonly began: HardwareNumber[] = [];
  /** Blocks that travelled, resumed ones not again. */
  blocks = 0;
  #isBusy = false;
  /** Cut before this block of a transfer, once each. */
  readonly cutsBefore: number[] = [];
  /** What packs say to a manifest. */
  refusal: string | undefined;
  /** What becomes of the image that a pack boots. */
  fate: "confirmed" | "rolled-back" | "hangs" = "confirmed";
  /** What the pack chooses; by default the whole image. */
  wants: { readonly digest: Digest; readonly size: number } | undefined;
  image: Digest | undefined;
  /** How long a block, a boot and a self-test take. */
  readonly times = { blockMs: 150, bootMs: 2_000, trialMs: 18_000 };

  constructor(packs: FakePacks, clock: Clock) {
    this.#packs = packs;
    this.#clock = clock;
  }

  /** As packs do whose slots were used for something else since. */
  forget(): void {
    this.#slots.clear();
  }

  async carry(job: CarryJob): Promise<CarryEnd> {
    if (this.#isBusy) throw new Error("Two transfers at once.");
    if (job.envelope.length === 0) throw new Error("A transfer without an envelope.");
    this.#isBusy = true;
    try {
      return await this.#carry(job);
    } catch (error) {
      return job.signal.aborted ? { kind: "cancelled" } : { kind: "interrupted", reason: (error as Error).message };
    } finally {
      this.#isBusy = false;
    }
  }

  async #carry({ pack, signal, payload, progress }: CarryJob): Promise<CarryEnd> {
    this.began.push(pack);
    if (this.#packs.find(pack)?.isSilent !== false) return { kind: "interrupted", reason: "pack-silent" };
    if (this.refusal !== undefined) return { kind: "refused", reason: this.refusal };
    if (this.wants === undefined || this.image === undefined) throw new Error("The test didn't say what packs want.");
    const { digest, size } = this.wants;
    const bytes: PayloadBytes = await payload(this.wants);
    if (bytes.size !== size) throw new Error("The payload has another size than was wanted.");
    const slot = this.#slots.get(`${pack}/${digest}`) ?? [];
    this.#slots.set(`${pack}/${digest}`, slot);
    for (let block = slot.length; block * blockBytes < size; block++) {
      await sleep(this.#clock, this.times.blockMs, signal);
      const cut = this.cutsBefore.indexOf(block);
      if (cut !== -1) {
        this.cutsBefore.splice(cut, 1);
        return { kind: "interrupted", reason: "bus-off" };
      }
      const at = block * blockBytes;
      slot.push((await bytes.read(at, Math.min(blockBytes, size - at))).slice());
      this.blocks++;
      progress(Math.min(at + blockBytes, size), size);
    }
    if (sha256(Buffer.concat(slot)) !== digest) return { kind: "refused", reason: "artifact-changed" };
    this.#boot(pack);
    return { kind: "applied" };
  }

  #boot(pack: HardwareNumber): void {
    const before = this.#packs.find(pack)!.firmware;
    const { state, boots } = before;
    if (state === undefined || boots === undefined) throw new Error("The pack has no firmware.");
    const after = (isTrial: boolean, running: Digest | undefined, more: object = {}): void =>
      this.#packs.firmware(pack, {
        // The next trial makes a pack forget the roll-back before.
        state: {
          ...{ ...state, wasRolledBack: false, rollbackReason: "none" },
          ...{ phase: isTrial ? "applied" : "idle", isTrial, ...more },
        },
        boots: { ...boots, boots: boots.boots + (isTrial ? 1 : 2) },
        digests: {
          ...(running !== undefined && { running }),
          ...("wasRolledBack" in more && { "rolled-back": this.image }),
        },
      } as Partial<PackFirmware>);
    const { bootMs, trialMs } = this.times;
    this.#clock.after(bootMs, () => after(true, this.image));
    if (this.fate === "confirmed") this.#clock.after(bootMs + trialMs, () => after(false, this.image));
    if (this.fate === "rolled-back") {
      const rollback = { wasRolledBack: true, rollbackReason: "self-test" };
      this.#clock.after(bootMs + trialMs, () => after(false, before.digests.running, rollback));
    }
  }
}

/** What a server has, with its whims. */
export class ScriptedSource implements ArtifactSource {
  readonly #contents: ReadonlyMap<string, Uint8Array>;
  readonly asked: { readonly uri: string; readonly offset: number }[] = [];
  /** Statuses and cuts (`at` bytes) of the next answers; then it works. */
  readonly script: ({ readonly status: number } | { readonly cutAt: number } | { readonly unreachable: string })[] = [];

  constructor(contents: readonly Uint8Array[]) {
    this.#contents = new Map(contents.map((each) => [digestHex(sha256(each)), each]));
  }

  fetch(uri: string, { offset }: { readonly offset: number }, signal: AbortSignal): Promise<ArtifactAnswer> {
    this.asked.push({ uri, offset });
    signal.throwIfAborted();
    const content = [...this.#contents].find(([hex]) => uri.includes(`/artifacts/${hex}`))?.[1];
    const next = this.script.shift();
    if (next !== undefined && "status" in next) return Promise.resolve({ kind: "status", status: next.status });
    if (next !== undefined && "unreachable" in next) {
      return Promise.resolve({ kind: "unreachable", reason: next.unreachable });
    }
    if (content === undefined) return Promise.resolve({ kind: "status", status: 404 });
    return Promise.resolve({ kind: "bytes", offset, chunks: chunksOf(content, offset, next?.cutAt) });
  }
}

async function* chunksOf(
  content: Uint8Array,
  from: number,
  cutAt = Number.POSITIVE_INFINITY,
): AsyncGenerator<Uint8Array> {
  for (let at = from; at < content.length; at += 500) {
    if (at >= cutAt) throw new Error("ECONNRESET");
    yield content.subarray(at, Math.min(at + 500, content.length));
  }
}

/** A disk in memory. */
export class MemoryStore implements ArtifactStore {
  readonly #kept = new Map<Digest, Uint8Array>();
  readonly maxBytes: number;
  open_ = 0;

  constructor(maxBytes = 1_000_000) {
    this.maxBytes = maxBytes;
  }

  /** As a cut leaves it. */
  put(digest: Digest, bytes: Uint8Array): void {
    this.#kept.set(digest, bytes);
  }

  open(digest: Digest, size: number): Promise<StoredArtifact | undefined> {
    if (size > this.maxBytes) return Promise.resolve(undefined);
    const kept = this.#kept;
    const now = (): Uint8Array => kept.get(digest) ?? new Uint8Array(0);
    const write = (bytes: Uint8Array): Promise<void> => {
      kept.set(digest, bytes);
      return Promise.resolve();
    };
    this.open_++;
    return Promise.resolve({
      size,
      get length() {
        return now().length;
      },
      append: (bytes) => write(new Uint8Array(Buffer.concat([now(), bytes]))),
      sync: () => Promise.resolve(),
      clear: () => write(new Uint8Array(0)),
      digest: () => Promise.resolve(sha256(now())),
      read: (offset, length) => Promise.resolve(now().slice(offset, offset + length)),
      close: () => {
        this.open_--;
        return Promise.resolve();
      },
    });
  }
}
