import type { Clock, Timer } from "../../kernel/clock.ts";
import type { Log } from "../../kernel/log.ts";
import { StateMachine } from "../../kernel/state-machine.ts";
import { type CanFrame, decodeCan, encodeCan } from "../../schemas/wire/can.ts";
import type { Digest } from "../../schemas/wire/digest.ts";
import { refusing } from "../../schemas/wire/suit/manifest-fault.ts";
import { readEnvelope } from "../../schemas/wire/suit/read-envelope.ts";
import { readManifest } from "../../schemas/wire/suit/read-manifest.ts";
import { suitLimits } from "../../schemas/wire/suit/suit-limits.ts";
import { firmwareSender } from "../domain/firmware-sender.ts";
import {
  idleSender,
  type SenderEffect,
  type SenderEvent,
  type SenderState,
  senderDueMs,
} from "../domain/sender-state.ts";
import type { CanBus, CanBusState } from "../ports/can-bus.ts";
import type { CarryEnd, CarryJob, FirmwareCarrier, PayloadBytes } from "../ports/firmware-carrier.ts";
import type { SitePacks } from "../ports/site-packs.ts";
import { FramePacer } from "./frame-pacer.ts";

export interface CanCarrierOptions {
  readonly bus: CanBus;
  readonly packs: Pick<SitePacks, "find" | "onChange">;
  readonly clock: Clock;
  readonly log: Log;
  /** Bit/s of the bus; default 500 000. */
  readonly bitrate?: number;
  /** Share of it that a transfer takes at most; default 0.5. Telemetry of 32 packs takes 0.03. */
  readonly share?: number;
}

/** An event without its time. */
type Happening = SenderEvent extends infer Event ? (Event extends SenderEvent ? Omit<Event, "nowMs"> : never) : never;

/** Carries firmware to packs over CAN: one transfer at a time, paced so that everybody else gets through. */
export class CanCarrier implements FirmwareCarrier {
  readonly #options: CanCarrierOptions;
  readonly #pacer: FramePacer;
  #isCarrying = false;

  constructor(options: CanCarrierOptions) {
    this.#options = options;
    const { bus, clock, bitrate = 500_000, share = 0.5 } = options;
    this.#pacer = new FramePacer({ bus, clock, bitsPerSecond: bitrate * share });
  }

  async carry(job: CarryJob): Promise<CarryEnd> {
    if (job.signal.aborted) return { kind: "cancelled" };
    if (this.#isCarrying) return { kind: "interrupted", reason: "another-pack" };
    if (isGone(this.#options.bus.state)) return { kind: "interrupted", reason: "bus-down" };
    const facts = this.#options.packs.find(job.pack);
    if (facts === undefined || facts.isSilent) return { kind: "interrupted", reason: "pack-silent" };
    const read = refusing(() => ({ ok: true as const, image: imageOf(job.envelope) }));
    if (!read.ok) return { kind: "refused", reason: read.reason };
    this.#isCarrying = true;
    try {
      return await this.#run(job, facts.canNode, read.image);
    } finally {
      this.#isCarrying = false;
    }
  }

  #run(job: CarryJob, node: number, image: Digest): Promise<CarryEnd> {
    const { bus, packs, clock, log } = this.#options;
    return new Promise((resolve) => {
      let timer: Timer | undefined;
      let dueMs = Number.POSITIVE_INFINITY;
      let payload: PayloadBytes | undefined;
      const machine = new StateMachine<SenderState, SenderEvent, SenderEffect>({
        transition: firmwareSender,
        initial: idleSender({ node, envelope: job.envelope, image }),
        perform: (effect) => perform(effect),
        failed: (error, effect) => {
          log.error("can-carrier-failed", { pack: job.pack, effect: effect.kind, error });
          happens({ kind: "fail", reason: "payload-unavailable" });
        },
      });
      const happens = (event: Happening): void => {
        machine.dispatch({ ...event, nowMs: clock.monotonicMs() } as SenderEvent);
        const due = senderDueMs(machine.state);
        if (due === dueMs) return;
        dueMs = due;
        timer?.cancel();
        timer =
          due === Number.POSITIVE_INFINITY
            ? undefined
            : // Whole milliseconds: a clock with fractions must not come too early by less than it can tell, time after time.
              clock.after(Math.max(1, Math.ceil(due - clock.monotonicMs())), () => {
                dueMs = Number.POSITIVE_INFINITY;
                happens({ kind: "tick" });
              });
      };
      const perform = (effect: SenderEffect): void => {
        switch (effect.kind) {
          case "send":
            this.#pacer.replace(effect.frames.map(encodeCan), () => happens({ kind: "sent" }));
            return;
          case "want":
            job.payload(effect.wanted).then(
              (bytes) => {
                payload = bytes;
                happens({ kind: "ready" });
              },
              () => happens({ kind: "fail", reason: "payload-unavailable" }),
            );
            return;
          case "read": {
            const { block, offset, length } = effect;
            payload?.read(offset, length).then(
              (bytes) => happens({ kind: "block", block, bytes }),
              () => happens({ kind: "fail", reason: "payload-unavailable" }),
            );
            return;
          }
          case "progress":
            job.progress(effect.bytes, effect.total);
            return;
          case "end":
            for (const stop of stops) stop();
            resolve(effect.end);
        }
      };
      const onAbort = (): void => happens({ kind: "abort" });
      job.signal.addEventListener("abort", onAbort, { once: true });
      const stops = [
        bus.onFrame((frame) => {
          if (!isAbout(frame)) return;
          const decoded = decodeCan(frame);
          if (decoded.ok) happens({ kind: "frame", message: decoded.value });
        }),
        bus.onState((state) => {
          if (isGone(state)) happens({ kind: "fail", reason: "bus-down" });
        }),
        packs.onChange((pack) => {
          if (pack !== job.pack || packs.find(pack)?.canNode === node) return;
          happens({ kind: "fail", reason: "pack-moved" });
        }),
        () => job.signal.removeEventListener("abort", onAbort),
        () => timer?.cancel(),
      ];
      happens({ kind: "begin" });
    });
  }
}

/** Until somebody does something about it; from bus-off it comes back by itself. */
function isGone({ kind }: CanBusState): boolean {
  return kind === "closed" || kind === "unplugged" || kind === "wrong-bit-rate";
}

/** Answers of packs, what they tell of their firmware, and transfers of others. */
function isAbout({ id, isExtended }: CanFrame): boolean {
  const group = id & 0x7e0;
  return !isExtended && (group === 0x280 || group === 0x680 || id === 0x400 || id === 0x401);
}

/** What an envelope says, unchecked: the pack checks it, and whoever hands it in did. */
function imageOf(envelope: Uint8Array): Digest {
  return readManifest(readEnvelope(envelope, suitLimits.envelopeMax).manifest.content).digest;
}
