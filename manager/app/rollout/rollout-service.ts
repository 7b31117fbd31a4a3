import type { Clock, Timer } from "../../../kernel/clock.ts";
import type { RolloutEvent } from "../../domain/rollout/rollout-event.ts";
import { stableHash } from "../../domain/rollout/rollout-members.ts";
import { type RolloutPlan, waveLimit } from "../../domain/rollout/rollout-plan.ts";
import type { RolloutState } from "../../domain/rollout/rollout-state.ts";
import { type WhyNot, whyNotYet } from "../../domain/rollout/why-not-yet.ts";
import type { Actor, NodeView } from "../api/registry.ts";
import type {
  MemberQuery,
  MemberView,
  PlanRefusal,
  RolloutForecast,
  RolloutPreview,
  RolloutStep,
  Rollouts,
  RolloutView,
  SteerOutcome,
  WhyAnswer,
} from "../api/rollouts.ts";
import type { AttemptBook } from "../attempt-book.ts";
import type { AuditTrail } from "../audit-trail.ts";
import type { KeyedSerial } from "../keyed-serial.ts";
import type { LiveEventBus } from "../live-event-bus.ts";
import type { StorageWriter } from "../storage-writer.ts";
import { checkPlan, type PlanCheckParts } from "./plan-check.ts";
import type { QuarantineBook } from "./quarantine-book.ts";
import type { RolloutEffects } from "./rollout-effects.ts";
import { everyNode, leavesSome, type Outside, outsideRule, type RolloutFleet } from "./rollout-joining.ts";
import type { RolloutRunner } from "./rollout-runner.ts";
import type { RolloutShelf } from "./rollout-shelf.ts";
import { memberView, rolloutEvent, rolloutView } from "./rollout-view.ts";
import { type RolloutWorldOptions, rolloutWorld } from "./rollout-world.ts";

export interface RolloutServiceOptions {
  readonly shelf: RolloutShelf;
  readonly effects: RolloutEffects;
  readonly quarantine: QuarantineBook;
  readonly updates: PlanCheckParts;
  readonly fleet: RolloutFleet;
  readonly world: RolloutWorldOptions;
  readonly book: AttemptBook;
  readonly writer: StorageWriter;
  readonly serial: KeyedSerial;
  readonly audit: AuditTrail;
  readonly bus: LiveEventBus;
  readonly clock: Clock;
  readonly capacity: number;
  /** Every rollout needs a second person, whatever its plan says. */
  readonly needsApproval: boolean;
  readonly downtimeMs: () => number;
  /** Each second, of a rollout that isn't over. */
  soaking(state: RolloutState): void;
  /** A rollout was forgotten. */
  forgotten(state: RolloutState): void;
  forecast(plan: RolloutPlan, seed: number, progress?: (share: number) => void): Promise<RolloutForecast | PlanRefusal>;
}

const tickMs = 1000;
const walkMs = 60_000;
/** So many times what the last walk took passes before the next. */
const walkRest = 100;
const leastJumpMs = 60_000;
const previewNodes = 20;
const maxAuditedNodes = 100;
const joinedAtOnce = 500;

/** The rollouts of the fleet: made, steered and watched by people, driven by time and by what nodes do. */
export class RolloutService implements Rollouts {
  readonly #options: RolloutServiceOptions;
  #timer: Timer | undefined;
  #walkAtMs = 0;
  #wallOffsetMs: number;
  readonly #told = new Map<string, string>();

  constructor(options: RolloutServiceOptions) {
    this.#options = options;
    this.#wallOffsetMs = options.clock.wallMs() - options.clock.monotonicMs();
  }

  async load(): Promise<void> {
    await this.#options.shelf.load();
  }

  start(): void {
    const { shelf, effects, writer, clock, downtimeMs } = this.#options;
    for (const runner of shelf.open()) {
      // It ran at the newest event; the mark may be older, of when there was no rollout to mark for.
      const ms = Math.min(downtimeMs(), Math.max(clock.wallMs() - runner.state.atMs, 0));
      if (ms > 0) runner.note({ kind: "downtime", ms, atMs: clock.wallMs() });
      writer.behind("rollout-recovery", effects.recover(runner));
    }
    this.#timer = clock.after(tickMs, () => this.#tick());
  }

  async stop(): Promise<void> {
    this.#timer?.cancel();
    await this.#options.shelf.stop();
  }

  async preview(plan: RolloutPlan): Promise<RolloutPreview | PlanRefusal> {
    const checked = checkPlan(plan, this.#options.updates);
    if (checked.kind === "refused") return checked;
    const outside = outsideRule(plan, checked.image, this.#options.fleet);
    const counts: Partial<Record<Outside, number>> = {};
    const inside: string[] = [];
    const out: { node: string; why: Outside }[] = [];
    let members = 0;
    const canaries = new Set(plan.canaries);
    for await (const view of everyNode(this.#options.fleet)) {
      const why = outside(view);
      if (why === undefined) {
        members++;
        canaries.delete(view.id);
        if (inside.length < previewNodes) inside.push(view.id);
      } else {
        counts[why] = (counts[why] ?? 0) + 1;
        // What is somebody else's isn't shown, only that it is.
        if (out.length < previewNodes && why !== "out-of-scope") out.push({ node: view.id, why });
      }
    }
    const [missing] = canaries;
    if (missing !== undefined) return { kind: "refused", why: "canary-not-a-member", about: missing };
    const waves = plan.waves.map((_, wave) => waveLimit(plan, wave, members));
    return { kind: "preview", members, waves, out: counts, in: inside, outNodes: out };
  }

  create(
    plan: RolloutPlan,
    by: Actor,
  ): Promise<{ readonly kind: "created"; readonly rollout: RolloutView } | PlanRefusal> {
    const { serial, needsApproval } = this.#options;
    const full = needsApproval ? { ...plan, needsApproval } : plan;
    return serial.run("rollouts", async () => {
      if (this.#options.shelf.get(plan.id) !== undefined) return { kind: "refused", why: "exists", about: plan.id };
      const previewed = await this.preview(full);
      if (previewed.kind === "refused") return previewed;
      const runner = await this.#make(full, by);
      if (runner === undefined) return { kind: "refused", why: "full", about: `${this.#options.capacity} rollouts` };
      await this.#join(runner);
      return { kind: "created", rollout: this.#view(runner.state) };
    });
  }

  async steer(rollout: string, step: RolloutStep, by: Actor): Promise<SteerOutcome> {
    const { shelf, audit, clock } = this.#options;
    const runner = shelf.get(rollout);
    if (runner === undefined) return { kind: "unknown-rollout" };
    const event = eventOf(step, by.id, clock.wallMs());
    const before = { status: runner.state.status, wave: runner.state.wave + 1 };
    const { kind, ...after } = auditedStep(step);
    const entry = audit.change({ what: `rollout-${kind}`, actor: by, subject: `rollout/${rollout}`, before, after }, 0);
    const [effect] = await runner.submit(event, [entry]);
    if (effect?.kind === "ignored") return { kind: "refused", why: effect.why };
    return { kind: "done", rollout: this.#view(runner.state) };
  }

  find(rollout: string): RolloutView | undefined {
    const runner = this.#options.shelf.get(rollout);
    return runner && this.#view(runner.state);
  }

  list(): readonly RolloutView[] {
    return this.#options.shelf
      .all()
      .map(({ state }) => this.#view(state))
      .reverse();
  }

  members(rollout: string, query: MemberQuery = {}): readonly MemberView[] | undefined {
    const state = this.#options.shelf.get(rollout)?.state;
    if (state === undefined) return undefined;
    const { phase, after = "", limit = 100, within } = query;
    return [...state.members.rows()]
      .filter((row) => (phase === undefined || state.members.phase(row) === phase) && state.members.idOf(row) > after)
      .filter((row) => within === undefined || within(state.members.idOf(row)))
      .map((row) => memberView(state, row))
      .sort((a, b) => (a.node < b.node ? -1 : 1))
      .slice(0, limit);
  }

  async why(rollout: string, node: string): Promise<WhyAnswer | "unknown-rollout" | "unknown-node"> {
    const state = this.#options.shelf.get(rollout)?.state;
    if (state === undefined) return "unknown-rollout";
    const view = await this.#options.fleet.find(node);
    if (view === undefined) return "unknown-node";
    const row = state.members.find(node);
    const phase = row === -1 ? "left" : state.members.phase(row);
    if (phase !== "left") return { rollout, node, phase, reasons: this.#why(state, node) };
    const because = this.#outside(state)(view);
    const reasons: WhyAnswer["reasons"] =
      because === undefined ? [{ why: "not-a-member" }] : [{ why: "outside-the-query", because }];
    return { rollout, node, phase: "not-a-member", reasons };
  }

  async whyOf(node: string): Promise<readonly WhyAnswer[] | "unknown-node"> {
    const answers: WhyAnswer[] = [];
    for (const { state } of this.#options.shelf.all().filter(({ state }) => !state.isOver)) {
      const answer = await this.why(state.plan.id, node);
      if (answer === "unknown-node") return answer;
      if (answer !== "unknown-rollout") answers.push(answer);
    }
    return answers;
  }

  forecast(
    plan: RolloutPlan,
    seed: number,
    progress?: (share: number) => void,
  ): Promise<RolloutForecast | PlanRefusal> {
    return this.#options.forecast(plan, seed, progress);
  }

  quarantined(): ReturnType<QuarantineBook["list"]> {
    return this.#options.quarantine.list();
  }

  lift(model: string, digest: string, by: Actor): Promise<"lifted" | "not-quarantined"> {
    return this.#options.quarantine.lift(model, digest, by);
  }

  /** Why a node that asks for an update by itself must wait for its turn, or gets it no more: its link ends with its attempt, and then it asks. */
  hold(update: string, node: string): { readonly reason: string; readonly retryAfterSeconds: number } | undefined {
    const own = this.#options.shelf
      .all()
      .map(({ state }) => state)
      .filter(({ plan, members }) => plan.update === update && members.find(node) !== -1);
    const open = own.find(({ isOver }) => !isOver);
    if (open !== undefined) {
      const [first] = this.#why(open, node);
      return { reason: first?.why ?? "its rollout has its turn soon", retryAfterSeconds: 60 };
    }
    const status = own.at(-1)?.status;
    if (status !== "aborted" && status !== "reverted") return undefined;
    return { reason: `its rollout is ${status}`, retryAfterSeconds: 600 };
  }

  /** Makes the rollout that takes a rollout back; the same again finds it made. */
  async beginRevert(state: RolloutState): Promise<void> {
    const { shelf, serial } = this.#options;
    const { plan, image, pause, members } = state;
    const { revert } = plan;
    if (revert === undefined) return;
    const { revert: _, ...rest } = plan;
    const model = image.model;
    const back: RolloutPlan = {
      ...rest,
      ...{ id: revertId(plan.id), update: revert.update, title: `Reverts ${plan.id}`, canaries: [] },
      // Whoever runs the image, and whoever comes to run it since he couldn't be called back; of those alone whom this rollout offered it to.
      reverts: plan.id,
      targets: { kind: "query", query: { digest: image.digest, ...(model !== undefined && { model }) } },
      waves: members.countIn("succeeded") > 1 ? [{ count: 1 }, { percent: 20 }, { percent: 100 }] : [{ percent: 100 }],
      // The image that they leave is the worse one: there is nobody to compare with.
      gate: { ...plan.gate, health: [] },
      ...{ needsApproval: false, staysOpen: true },
    };
    await serial.run("rollouts", async () => {
      const by = { kind: "manager", id: pause?.by ?? "revert" } as const;
      const isPossible = shelf.get(back.id) === undefined && checkPlan(back, this.#options.updates).kind === "good";
      const runner = this.#revertOf(state) ?? (isPossible ? await this.#make(back, by) : undefined);
      if (runner === undefined) {
        // Its update was withdrawn since, another rollout has its name, or there is no room: a person has to see that, and nothing waits for what can't come.
        shelf.get(plan.id)?.note({ kind: "revert-ended", isWhole: false, atMs: this.#nowMs() });
        return;
      }
      await this.#join(runner);
      if (runner.state.status === "created") await runner.submit({ kind: "started", by: by.id, atMs: this.#nowMs() });
    });
  }

  /** A batch of events is in a rollout. */
  applied(state: RolloutState): void {
    const event = rolloutEvent(state);
    const text = JSON.stringify(event);
    if (this.#told.get(state.plan.id) === text) return;
    this.#told.set(state.plan.id, text);
    this.#options.bus.emit(event);
  }

  /** A node registered: it may be a new member. */
  async registered(node: string): Promise<void> {
    const { shelf, fleet } = this.#options;
    const runners = shelf.all().filter(({ state }) => !state.isOver && state.members.find(node) === -1);
    if (runners.length === 0) return;
    const view = await fleet.find(node);
    if (view === undefined) return;
    for (const runner of runners) {
      if (this.#outside(runner.state)(view) === undefined) runner.note(this.#joined(runner.state, [node]));
    }
  }

  removed(node: string): void {
    for (const runner of this.#options.shelf.open()) {
      if (runner.state.members.find(node) !== -1) runner.note({ kind: "left", nodes: [node], atMs: this.#nowMs() });
    }
  }

  #tick(): void {
    const { shelf, clock, writer } = this.#options;
    this.#timer = clock.after(tickMs, () => this.#tick());
    const open = shelf.open();
    const jumpMs = this.#jumpMs();
    if (open.length === 0) return;
    if (jumpMs !== 0) for (const runner of open) runner.note({ kind: "downtime", ms: jumpMs, atMs: this.#nowMs() });
    if (clock.monotonicMs() >= this.#walkAtMs) {
      this.#walkAtMs = Number.POSITIVE_INFINITY;
      writer.behind("rollout-members", this.#walk());
    }
    for (const runner of open) {
      if (runner.state.status === "reverting") writer.behind("rollout-reverted", this.#endRevert(runner));
      if (!runner.state.isOver) this.#options.soaking(runner.state);
      runner.tick();
    }
  }

  /** Who matches by now joins. A large fleet takes a while to look at, so it is looked at less often: registrations are seen at once anyway. */
  async #walk(): Promise<void> {
    const { shelf, clock } = this.#options;
    const beganMs = clock.monotonicMs();
    try {
      for (const runner of shelf.open()) if (!runner.state.isOver) await this.#join(runner);
    } finally {
      const nowMs = clock.monotonicMs();
      this.#walkAtMs = nowMs + Math.max(walkMs, walkRest * (nowMs - beganMs));
    }
  }

  /** By how much the wall clock was set since the last tick, as on a board that learns the time late: nobody's lease ends by that. */
  #jumpMs(): number {
    const { clock } = this.#options;
    const offsetMs = clock.wallMs() - clock.monotonicMs();
    const jumpMs = Math.round(offsetMs - this.#wallOffsetMs);
    if (Math.abs(jumpMs) < leastJumpMs) return 0;
    this.#wallOffsetMs = offsetMs;
    return jumpMs;
  }

  /** A revert is through when nobody runs the image any more who could be called back. */
  async #endRevert(runner: RolloutRunner): Promise<void> {
    const back = this.#revertOf(runner.state);
    // Storage refused it: an image that closed its gate doesn't stay for that.
    if (back === undefined || back.state.status === "created") await this.beginRevert(runner.state);
    if (back === undefined || runner.state.active + runner.state.sleepers > 0) return;
    const { state } = back;
    if (state.isOver) {
      const isThrough = state.status === "completed" && !this.#hasSilent(runner.state);
      const isWhole = isThrough && !(await leavesSome(this.#outside(state), this.#options.fleet));
      runner.note({ kind: "revert-ended", isWhole, atMs: this.#nowMs() });
      return;
    }
    if (!isDone(state)) return;
    // Who came to run the image at the last moment joins first.
    await this.#join(back);
    if (isDone(state)) back.note({ kind: "completed", atMs: this.#nowMs() });
  }

  async #make(plan: RolloutPlan, by: Actor): Promise<RolloutRunner | undefined> {
    const { shelf, audit, capacity, forgotten } = this.#options;
    const checked = checkPlan(plan, this.#options.updates);
    if (checked.kind === "refused") throw new Error(`The rollout ${plan.id} is ${checked.why}.`);
    if (shelf.size >= capacity) {
      const state = await shelf.forgetOldest();
      if (state === undefined) return undefined;
      this.#told.delete(state.plan.id);
      forgotten(state);
    }
    const { id, update, targets } = plan;
    const subject = `rollout/${id}`;
    const entry = audit.change(
      { what: "rollout-created", actor: by, subject, after: { update, targets: targets.kind } },
      0,
    );
    const atMs = this.#nowMs();
    const created = { kind: "created", plan, image: checked.image, by: by.id, atMs, salt: `@${atMs}` } as const;
    return await shelf.create(created, [entry]);
  }

  /** Who matches and isn't in joins; who waits and doesn't match any more leaves. Durable when it resolves. */
  async #join(runner: RolloutRunner): Promise<void> {
    const { members } = runner.state;
    const outside = this.#outside(runner.state);
    const gone = new Set<string>();
    for (const row of members.rows()) if (members.phase(row) === "waiting") gone.add(members.idOf(row));
    let joining: string[] = [];
    for await (const view of everyNode(this.#options.fleet)) {
      const why = outside(view);
      // Who runs the image already isn't gone: its turn shows that it has it.
      if (why === undefined || why === "already-running") gone.delete(view.id);
      const row = members.find(view.id);
      if (why !== undefined || (row !== -1 && members.phase(row) !== "left")) continue;
      joining.push(view.id);
      if (joining.length < joinedAtOnce) continue;
      await runner.submit(this.#joined(runner.state, joining));
      joining = [];
    }
    if (joining.length > 0) await runner.submit(this.#joined(runner.state, joining));
    if (gone.size > 0) await runner.submit({ kind: "left", nodes: [...gone], atMs: this.#nowMs() });
  }

  #joined({ image }: RolloutState, nodes: readonly string[]): Extract<RolloutEvent, { kind: "joined" }> {
    const { book } = this.#options;
    return {
      ...{ kind: "joined", atMs: this.#nowMs() },
      nodes: nodes.map((node) => {
        const tries = book.tries(node, image.digest);
        return { node, ...(tries > 0 && { tries }) };
      }),
    };
  }

  #why(state: RolloutState, node: string): readonly WhyNot[] {
    const { world, clock } = this.#options;
    return whyNotYet(state, node, rolloutWorld(state, world), clock.wallMs());
  }

  #view(state: RolloutState): RolloutView {
    return rolloutView(state, this.#revertOf(state)?.state.plan.id, (node) => this.#why(state, node));
  }

  /** Tells why a node is no member; undefined: it is one. A revert is for those to whom the rollout that it takes back offered the image: others passed gates of their own with it. */
  #outside({ plan, image }: RolloutState): (view: NodeView) => Outside | undefined {
    const { shelf, fleet } = this.#options;
    const rule = outsideRule(plan, image, fleet);
    const members = plan.reverts === undefined ? undefined : shelf.get(plan.reverts)?.state.members;
    if (members === undefined) return rule;
    return (view) => {
      const row = members.find(view.id);
      return row === -1 || members.columns.offers[row] === 0 ? "not-listed" : rule(view);
    };
  }

  /** Whether a member fell silent with the image and still is: nobody knows what it will run when it comes back. */
  #hasSilent(state: RolloutState): boolean {
    const { members } = state;
    const world = rolloutWorld(state, this.#options.world);
    for (const row of members.rows()) {
      const reason = members.phase(row) === "failed" ? members.reason(row) : undefined;
      if (reason !== "lease-expired" && reason?.startsWith("silent in ") !== true) continue;
      const presence = world.node(members.idOf(row))?.presence;
      if (presence !== undefined && presence !== "online" && presence !== "late") return true;
    }
    return false;
  }

  /** What takes it back; a rollout that only has the name is none. */
  #revertOf({ plan, image }: RolloutState): RolloutRunner | undefined {
    const runner = this.#options.shelf.get(revertId(plan.id));
    if (runner === undefined) return undefined;
    const { update, targets } = runner.state.plan;
    const isIts = update === plan.revert?.update && targets.kind === "query" && targets.query.digest === image.digest;
    return isIts ? runner : undefined;
  }

  #nowMs(): number {
    return this.#options.clock.wallMs();
  }
}

/** Of many nodes the audit has the first and their number. */
function auditedStep(step: RolloutStep): RolloutStep & { readonly count?: number } {
  if (step.kind !== "retry" || step.nodes === undefined) return step;
  return { ...step, nodes: step.nodes.slice(0, maxAuditedNodes), count: step.nodes.length };
}

/** Everybody has had his turn, and its gate was passed. */
function isDone({ status, members, active, sleepers, waves, wave, plan }: RolloutState): boolean {
  if (status !== "running") return false;
  if (members.count === 0) return true;
  const isLast = wave === plan.waves.length - 1 && waves[wave]?.verdict?.kind === "open";
  return isLast && members.countIn("waiting") + members.countIn("deferred") + active + sleepers === 0;
}

/** Within the 48 characters of an id, and another one for each rollout. */
function revertId(rollout: string): string {
  if (rollout.length <= 41) return `${rollout}-revert`;
  return `${rollout.slice(0, 32)}-${stableHash(rollout, "revert").toString(16).padStart(8, "0")}-revert`;
}

function eventOf(step: RolloutStep, by: string, atMs: number): RolloutEvent {
  switch (step.kind) {
    case "start":
      return { kind: "started", by, atMs };
    case "approve":
      return { kind: "approved", by, atMs };
    case "pause":
      return { kind: "paused", by, why: step.why, atMs };
    case "resume":
      return { kind: "resumed", by, atMs, ...(step.opensGate && { opensGate: true }) };
    case "abort":
      return { kind: "aborted", by, cancelsUnderWay: step.cancelsUnderWay, atMs };
    case "revert":
      return { kind: "revert-begun", by, why: step.why, atMs };
    case "retry":
      return { kind: "retried", by, atMs, ...(step.nodes && { nodes: step.nodes }) };
  }
}
