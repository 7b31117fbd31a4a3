import type { Mode } from "../../schemas/generated/types.ts";
import type { Actor } from "./api/registry.ts";
import type { Modes, SetModeOutcome } from "./api/steering.ts";
import type { AttemptService } from "./attempt-service.ts";
import type { AuditTrail } from "./audit-trail.ts";
import type { IntentBook } from "./intent-book.ts";
import type { KeyedSerial } from "./keyed-serial.ts";
import type { LiveEventBus } from "./live-event-bus.ts";
import type { NodeTimeline } from "./node-timeline.ts";
import type { StorageWriter } from "./storage-writer.ts";
import type { UpdateService } from "./update-service.ts";

export interface ModeServiceOptions {
  readonly intents: IntentBook;
  readonly updates: UpdateService;
  readonly attempts: AttemptService;
  readonly writer: StorageWriter;
  readonly serial: KeyedSerial;
  readonly timeline: NodeTimeline;
  readonly bus: LiveEventBus;
  readonly audit: AuditTrail;
  isRegistered(node: string): boolean;
  /** After the receipt. */
  changed(node: string): void;
}

export class ModeService implements Modes {
  readonly #options: ModeServiceOptions;

  constructor(options: ModeServiceOptions) {
    this.#options = options;
  }

  get(node: string): ReturnType<Modes["get"]> {
    if (!this.#options.isRegistered(node)) return undefined;
    const { mode } = this.#options.intents.of(node);
    return mode === undefined ? { mode: "operational" } : { mode: "maintenance", ...mode };
  }

  set(node: string, mode: Mode, by: Actor): Promise<SetModeOutcome> {
    return this.#options.serial.run(`mode/${node}`, async () => {
      if (!this.#options.isRegistered(node)) return { kind: "unknown-node" };
      if (mode.mode === "operational") {
        await this.#options.attempts.cancel(node, by);
        await this.#store(node, undefined, by);
        return { kind: "set" };
      }
      if (mode.update !== undefined) {
        const refusal = await this.#start(node, mode.update, by);
        if (refusal !== undefined) return refusal;
      }
      const { reason, update } = mode;
      await this.#store(node, { ...(reason !== undefined && { reason }), ...(update !== undefined && { update }) }, by);
      return { kind: "set" };
    });
  }

  /** The update that maintenance was for is over. */
  async leave(node: string, update: string): Promise<void> {
    const { mode } = this.#options.intents.of(node);
    if (mode?.update === update) await this.#store(node, undefined, { kind: "manager", id: "update-ended" });
  }

  async #start(node: string, update: string, by: Actor): Promise<SetModeOutcome | undefined> {
    const started = await this.#options.updates.start(update, [node], by);
    if (started.kind === "unknown-update") return { kind: "unknown-update" };
    if (started.kind !== "started") return { kind: "refused", reason: started.kind };
    const outcome = started.nodes[0]?.outcome;
    return outcome?.kind === "refused" ? { kind: "refused", reason: outcome.reason } : undefined;
  }

  async #store(node: string, mode: { reason?: string; update?: string } | undefined, by: Actor): Promise<void> {
    const { intents, writer, timeline, audit, bus } = this.#options;
    const before = intents.of(node).mode;
    if (before === undefined && mode === undefined) return;
    const what = mode === undefined ? "operational" : "maintenance";
    await writer.commit(node, [
      intents.modeChange(node, mode),
      timeline.change(node, what, { ...mode, by: by.id }, 0),
      audit.change({ what: "mode-changed", actor: by, subject: `node/${node}`, before, after: mode }, 0),
    ]);
    intents.setMode(node, mode);
    bus.emit({ kind: "mode", node });
    this.#options.changed(node);
  }
}
