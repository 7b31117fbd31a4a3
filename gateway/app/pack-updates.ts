import { type Clock, sleep, type Timer } from "../../kernel/clock.ts";
import type { Entropy } from "../../kernel/entropy.ts";
import type { Log } from "../../kernel/log.ts";
import { retrySchedule } from "../../kernel/retry-schedule.ts";
import type { AttemptReport, UpdateAction } from "../../schemas/generated/types.ts";
import { digestHex } from "../../schemas/wire/digest.ts";
import type { HardwareNumber } from "../../schemas/wire/site-topics.ts";
import type { SuitCrypto } from "../../schemas/wire/suit/suit-crypto.ts";
import type { TrustAnchor } from "../../schemas/wire/suit/trust-anchor.ts";
import type { PayloadVariant, UpdateManifest } from "../../schemas/wire/suit/update-manifest.ts";
import { verifyManifest } from "../../schemas/wire/suit/verify-manifest.ts";
import type { PackFacts } from "../domain/pack-facts.ts";
import type { PackUpdateNews } from "../domain/update-progress.ts";
import { nextTurn } from "../domain/update-turns.ts";
import type { StoredArtifact } from "../ports/artifact-store.ts";
import type { FirmwareCarrier, PayloadBytes, WantedPayload } from "../ports/firmware-carrier.ts";
import type { SitePacks } from "../ports/site-packs.ts";
import { type ArtifactDownloadOptions, downloadArtifact } from "./artifact-download.ts";

/** What the manager wants of a pack, from whoever speaks with the manager. */
export interface UpdateTask {
  readonly action: UpdateAction;
  readonly signal: AbortSignal;
  report(progress: Omit<AttemptReport, "attempt" | "update">): void;
  renew(): Promise<UpdateAction>;
  envelope(): Promise<
    | { readonly kind: "envelope"; readonly bytes: Uint8Array }
    | { readonly kind: "refused"; readonly reason: string }
    | { readonly kind: "unreachable"; readonly reason: string }
  >;
}

export interface UpdateEnd {
  readonly outcome: "done" | "failed" | "refused" | "cancelled";
  readonly reason?: string;
}

export interface PackUpdatesOptions extends ArtifactDownloadOptions {
  readonly packs: SitePacks;
  readonly carrier: FirmwareCarrier;
  readonly anchors: readonly TrustAnchor[];
  readonly crypto: SuitCrypto;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: Log;
  /** What happens to the update of a pack, for whoever shows it. */
  told?(pack: HardwareNumber, action: UpdateAction, news: PackUpdateNews): void;
}

interface Waiting {
  readonly pack: HardwareNumber;
  readonly sinceMs: number;
  readonly go: () => void;
}

/** Ends the work on a pack where it stands: how, for the manager. */
class Ended extends Error {
  readonly end: UpdateEnd;

  constructor(outcome: UpdateEnd["outcome"], reason: string) {
    super(reason);
    this.end = { outcome, reason };
  }
}

/** The pack fell silent before it had everything. */
class Away extends Error {}

/** A pack has so long for booting, its self-test and saying that it confirmed itself; the boot loader's own time is five minutes. */
const trialMs = 600_000;
/** An interrupted transfer goes on after a pause; so often in a row without a block it ends. */
const carries = 20;
const carryRetry = { baseMs: 2_000, capMs: 120_000 };
const envelopeTries = 12;
const envelopeRetry = { baseMs: 1_000, capMs: 60_000, attempts: envelopeTries };

/**
 * Updates of packs: one at a time, the master last. Envelope and payload are fetched and checked before a byte of either goes on the bus, and
 * an update has succeeded when the pack itself says, confirmed, that it runs the image.
 */
export class PackUpdates {
  readonly #options: PackUpdatesOptions;
  readonly #waiting: Waiting[] = [];
  #current: HardwareNumber | undefined;
  #lastEndedMs: number | undefined;
  #timer: Timer | undefined;

  constructor(options: PackUpdatesOptions) {
    this.#options = options;
  }

  /** The pack that is being updated. */
  get current(): HardwareNumber | undefined {
    return this.#current;
  }

  /** Resolves with how it ended; `cancelled` when the signal aborted. Never rejects but by a defect. */
  async update(pack: HardwareNumber, task: UpdateTask): Promise<UpdateEnd> {
    const { told } = this.#options;
    const end = await this.#update(pack, this.#watched(pack, task));
    // What goes on with the next start hasn't ended.
    if (task.signal.reason !== "stopping") told?.(pack, task.action, { kind: "ended", ...end });
    return end;
  }

  #watched(pack: HardwareNumber, task: UpdateTask): UpdateTask {
    const { told } = this.#options;
    if (told === undefined) return task;
    return {
      get action() {
        return task.action;
      },
      signal: task.signal,
      renew: () => task.renew(),
      envelope: () => task.envelope(),
      report: (report) => {
        task.report(report);
        told(pack, task.action, { kind: "report", report });
      },
    };
  }

  async #update(pack: HardwareNumber, task: UpdateTask): Promise<UpdateEnd> {
    const { log } = this.#options;
    const { signal } = task;
    try {
      for (;;) {
        await this.#known(pack, task);
        if (this.#runs(pack, task)) return { outcome: "done", reason: "already-running" };
        await this.#turn(pack, task);
        log.info("pack-update-begins", { pack, update: task.action.update });
        try {
          return await this.#install(pack, task);
        } catch (error) {
          // Its turn is another's while it is away; what it has by then it keeps.
          if (!(error instanceof Away)) throw error;
        } finally {
          this.#over();
        }
      }
    } catch (error) {
      if (signal.aborted) return { outcome: "cancelled" };
      if (error instanceof Ended) {
        log.warn("pack-update-ended", { pack, update: task.action.update, ...error.end });
        return error.end;
      }
      throw error;
    }
  }

  async #install(pack: HardwareNumber, task: UpdateTask): Promise<UpdateEnd> {
    if (this.#runs(pack, task)) return { outcome: "done", reason: "already-running" };
    const before = this.#options.packs.find(pack)?.firmware;
    const isOnTrial = before?.digests.running === task.action.digest;
    if (!isOnTrial) await this.#carry(pack, task);
    task.report({ state: "trial", way: "can" });
    return await this.#confirmed(pack, task, isOnTrial ? undefined : before?.boots?.boots);
  }

  /** Everything from the manager to the pack's slot. */
  async #carry(pack: HardwareNumber, task: UpdateTask): Promise<void> {
    const { action, signal } = task;
    task.report({ state: "downloading", percent: 0, bytes: 0, total: action.size, way: "http" });
    const { bytes: envelope, manifest } = await this.#envelope(pack, task);
    const facts = this.#options.packs.find(pack);
    if (facts === undefined || facts.isSilent) throw new Away();
    const held = new Map<string, StoredArtifact>();
    const fetched = async (variant: PayloadVariant): Promise<StoredArtifact> => {
      const here = held.get(variant.digest) ?? (await this.#payload(variant, task));
      held.set(variant.digest, here);
      return here;
    };
    try {
      await fetched(likelyVariant(manifest, facts));
      await this.#carryWhole(pack, task, envelope, async (wanted) => {
        const variant = manifest.variants.find(({ digest, size }) => digest === wanted.digest && size === wanted.size);
        if (variant === undefined) throw new Ended("failed", "foreign-payload");
        return await fetched(variant);
      });
    } finally {
      for (const artifact of held.values()) await artifact.close();
    }
    signal.throwIfAborted();
  }

  async #carryWhole(
    pack: HardwareNumber,
    task: UpdateTask,
    envelope: Uint8Array,
    payloadOf: (wanted: WantedPayload) => Promise<PayloadBytes>,
  ): Promise<void> {
    const { carrier, clock, entropy, log } = this.#options;
    const { signal } = task;
    let ended: Ended | undefined;
    let reached = -1;
    let pauses = retrySchedule(carryRetry, entropy)[Symbol.iterator]();
    for (let tries = 1; ; tries++) {
      const before = reached;
      const end = await carrier.carry({
        pack,
        envelope,
        signal,
        payload: async (wanted) => {
          try {
            return await payloadOf(wanted);
          } catch (error) {
            if (error instanceof Ended) ended = error;
            throw error;
          }
        },
        progress: (bytes, total) => {
          reached = Math.max(reached, bytes);
          const percent = total === 0 ? 100 : Math.floor((bytes * 100) / total);
          const state = bytes < total ? "downloading" : "verifying";
          task.report({ state, percent, bytes, total, way: "can" });
        },
      });
      signal.throwIfAborted();
      if (ended !== undefined) throw ended;
      if (end.kind === "applied") {
        task.report({ state: "staged", percent: 100, way: "can" });
        return;
      }
      if (end.kind === "refused") throw new Ended("failed", end.reason);
      if (end.kind === "cancelled") throw new Ended("cancelled", "cancelled");
      this.#options.told?.(pack, task.action, { kind: "interrupted", reason: end.reason });
      if (this.#options.packs.find(pack)?.isSilent !== false) throw new Away();
      if (reached > before) {
        tries = 0;
        pauses = retrySchedule(carryRetry, entropy)[Symbol.iterator]();
      }
      if (tries >= carries) throw new Ended("failed", end.reason);
      log.info("pack-update-interrupted", { pack, reason: end.reason, bytes: reached });
      const pause = pauses.next();
      await sleep(clock, pause.done === true ? carryRetry.capMs : pause.value, signal);
    }
  }

  /** The envelope whose signature and contents are good for what the action says. */
  async #envelope(
    pack: HardwareNumber,
    task: UpdateTask,
  ): Promise<{ readonly bytes: Uint8Array; readonly manifest: UpdateManifest }> {
    const { anchors, crypto, clock, entropy } = this.#options;
    const { action, signal } = task;
    if (action.manifest === undefined) throw new Ended("refused", "manifest-unsigned");
    for (const pauseMs of retrySchedule(envelopeRetry, entropy)) {
      const answer = await task.envelope();
      signal.throwIfAborted();
      if (answer.kind === "refused") throw new Ended("failed", answer.reason);
      if (answer.kind === "unreachable") {
        await sleep(clock, pauseMs, signal);
        continue;
      }
      const verified = verifyManifest(answer.bytes, anchors, crypto);
      if (!verified.ok) throw new Ended("refused", verified.reason);
      const { manifest } = verified;
      if (manifest.kind !== "install") throw new Ended("refused", "manifest-unsupported");
      if (manifest.digest !== action.digest || manifest.size !== action.size)
        throw new Ended("refused", "manifest-mismatch");
      const limits = this.#options.packs.find(pack)?.firmware;
      const slotSize = limits?.limits?.slotSize;
      if (slotSize !== undefined && manifest.size > slotSize) throw new Ended("refused", "image-too-large");
      const sequence = limits?.state?.manifestSequence ?? 0;
      // The pack decides; this spares the bus what it would say no to.
      if (manifest.sequence < sequence) throw new Ended("refused", "sequence-too-low");
      return { bytes: answer.bytes, manifest };
    }
    throw new Ended("failed", "manager-unreachable");
  }

  async #payload(variant: PayloadVariant, task: UpdateTask): Promise<StoredArtifact> {
    const { digest, size } = variant;
    const image = digestHex(task.action.digest);
    const end = await downloadArtifact(this.#options, {
      ...{ digest, size, signal: task.signal },
      // The link names the image; each payload of the update is beside it.
      uris: () => task.action.uris.map((uri) => uri.replace(image, digestHex(digest))),
      renew: () => task.renew(),
      progress: () => task.report({ state: "downloading", percent: 0, bytes: 0, total: size, way: "http" }),
    });
    if (end.kind === "failed") throw new Ended("failed", end.reason);
    return end.artifact;
  }

  /** Once the pack is heard: what isn't there can't be updated, and may come back. */
  async #known(pack: HardwareNumber, { signal }: UpdateTask): Promise<PackFacts> {
    return await this.#until(signal, undefined, () => {
      const facts = this.#options.packs.find(pack);
      return facts !== undefined && !facts.isSilent ? facts : undefined;
    });
  }

  /**
   * The pack says what it runs: nobody else does. `bootsBefore`: its boots when the image was brought; until it has booted again what it says of a
   * roll-back is of an earlier trial, maybe of the same image.
   */
  async #confirmed(pack: HardwareNumber, task: UpdateTask, bootsBefore: number | undefined): Promise<UpdateEnd> {
    const { digest } = task.action;
    const end = await this.#until(task.signal, trialMs, (): UpdateEnd | undefined => {
      const firmware = this.#options.packs.find(pack)?.firmware;
      if (this.#runs(pack, task)) return { outcome: "done" };
      const isOld = bootsBefore !== undefined && (firmware?.boots?.boots ?? bootsBefore) === bootsBefore;
      if (!isOld && firmware?.state?.wasRolledBack === true && firmware.digests["rolled-back"] === digest) {
        return { outcome: "failed", reason: firmware.state.rollbackReason };
      }
      if (firmware?.state?.phase === "failed")
        return { outcome: "failed", reason: firmware.texts.reason || "pack-failed" };
      return undefined;
    });
    if (end === undefined) throw new Ended("failed", "not-confirmed-in-time");
    if (end.outcome === "failed") task.report({ state: "rolled-back", ...(end.reason && { reason: end.reason }) });
    return end;
  }

  #runs(pack: HardwareNumber, { action }: UpdateTask): boolean {
    const firmware = this.#options.packs.find(pack)?.firmware;
    return firmware?.digests.running === action.digest && firmware.state?.isTrial === false;
  }

  /** Looks at each change of a pack until there is something; undefined when the time is over, if there is one. */
  #until<T>(signal: AbortSignal, withinMs: undefined, look: () => T | undefined): Promise<T>;
  #until<T>(signal: AbortSignal, withinMs: number, look: () => T | undefined): Promise<T | undefined>;
  #until<T>(signal: AbortSignal, withinMs: number | undefined, look: () => T | undefined): Promise<T | undefined> {
    const { packs, clock } = this.#options;
    return new Promise((resolve, reject) => {
      const end = (settle: () => void): void => {
        stop();
        timer?.cancel();
        signal.removeEventListener("abort", onAbort);
        settle();
      };
      const onAbort = (): void => end(() => reject(new Error(`The update is ${String(signal.reason)}.`)));
      const check = (): void => {
        const found = look();
        if (found !== undefined) end(() => resolve(found));
      };
      const timer = withinMs === undefined ? undefined : clock.after(withinMs, () => end(() => resolve(undefined)));
      const stop = packs.onChange(check);
      signal.addEventListener("abort", onAbort, { once: true });
      if (signal.aborted) onAbort();
      else check();
    });
  }

  #turn(pack: HardwareNumber, task: UpdateTask): Promise<void> {
    const { clock } = this.#options;
    const { signal } = task;
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        pack,
        sinceMs: clock.monotonicMs(),
        go: () => {
          signal.removeEventListener("abort", onAbort);
          resolve();
        },
      };
      const onAbort = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
        this.#next();
        reject(new Error("Its turn won't come."));
      };
      if (signal.aborted) {
        reject(new Error("Its turn won't come."));
        return;
      }
      signal.addEventListener("abort", onAbort, { once: true });
      this.#waiting.push(waiting);
      this.#next();
      // A lock, not a failure: it holds nobody else up while it waits.
      if (this.#waiting.includes(waiting)) task.report({ state: "deferred", reason: "another-pack" });
    });
  }

  #over(): void {
    this.#current = undefined;
    this.#lastEndedMs = this.#options.clock.monotonicMs();
    this.#next();
  }

  #next(): void {
    const { clock, packs } = this.#options;
    this.#timer?.cancel();
    if (this.#current !== undefined) return;
    const turn = nextTurn(this.#waiting, packs.master(), this.#lastEndedMs, clock.monotonicMs());
    if (turn.kind === "wait") {
      if (turn.againInMs !== undefined) this.#timer = clock.after(turn.againInMs, () => this.#next());
      return;
    }
    const at = this.#waiting.findIndex(({ pack }) => pack === turn.pack);
    const [waiting] = this.#waiting.splice(at, 1);
    this.#current = turn.pack;
    waiting?.go();
  }
}

/**
 * What the pack will choose, as far as the gateway knows it: the smallest that it can apply. It is fetched before the pack is asked, which
 * waits for nobody long.
 */
function likelyVariant(manifest: UpdateManifest, { firmware }: PackFacts): PayloadVariant {
  const window = firmware.limits?.window ?? 0;
  const isUsable = (variant: PayloadVariant): boolean => {
    if (variant.encryptionInfo !== undefined) return false;
    if (variant.kind === "deflate") return variant.window <= window;
    return variant.kind === "full" || (window > 0 && variant.base === firmware.digests.running);
  };
  const [likely = manifest.variants[0]] = manifest.variants.filter(isUsable).toSorted((a, b) => a.size - b.size);
  if (likely === undefined) throw new Ended("refused", "unsupported-variant");
  return likely;
}
