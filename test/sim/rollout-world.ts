import type { Entropy } from "../../kernel/entropy.ts";
import { seededEntropy } from "../../kernel/seeded-entropy.ts";
import { parseRolloutPlan } from "../../manager/domain/rollout/parse-rollout-plan.ts";
import {
  rolledBack as countRollBack,
  isQuarantined,
  lifted as liftQuarantine,
  type QuarantineRecord,
} from "../../manager/domain/rollout/quarantine.ts";
import { rolloutDigest } from "../../manager/domain/rollout/rollout-digest.ts";
import { closingEvent, offerEvents, offerScan, timeEvents } from "../../manager/domain/rollout/rollout-due.ts";
import type { RolloutEffect, RolloutEvent } from "../../manager/domain/rollout/rollout-event.ts";
import { rolloutTransition } from "../../manager/domain/rollout/rollout-machine.ts";
import { waveLimit } from "../../manager/domain/rollout/rollout-plan.ts";
import type { RolloutState } from "../../manager/domain/rollout/rollout-state.ts";
import type { NodeFacts } from "../../manager/domain/rollout/why-not-yet.ts";

const minute = 60_000;
/** Nobody further comes: who is away stays away, or the canary that everybody waits for is. */
const calmMs = 3 * 60 * minute;
const newDigest = `sha256:${"b".repeat(64)}`;
const oldDigest = `sha256:${"a".repeat(64)}`;
const image = { digest: newDigest, size: 1_000_000, version: "2", model: "m", sequence: 2 };

type Attempt = "offered" | "under-way" | "committed" | "ended";

/** A simulated node: two slots, of which one always boots. */
interface Node {
  readonly id: string;
  readonly isSleepy: boolean;
  readonly pollMs: number;
  /** What it does with the image: bad ones die on trial. */
  readonly diesOnTrial: boolean;
  slots: [string | undefined, string | undefined];
  active: 0 | 1;
  trial: boolean;
  /** Without power or network until then. */
  awayUntilMs: number;
  attempt: string | undefined;
  phase: Attempt | undefined;
  /** Attempts that it was ever offered, so that one offered twice is seen. */
  readonly offered: Set<string>;
  comesAtMs: number;
}

export interface RolloutWorldOptions {
  readonly seed: number;
  readonly nodes: number;
  readonly badShare: number;
  readonly loss: number;
  readonly hours: number;
}

/**
 * One rollout over many nodes on virtual time: losses, reboots, nodes that die on trial, sleepers, and a manager that is killed. The manager is the
 * machine over a log that alone survives: a kill drops what wasn't stored and does the effects of the last batches again.
 */
export class RolloutWorld {
  readonly violations: string[] = [];
  readonly log: RolloutEvent[] = [];
  state: RolloutState;
  nowMs = Date.parse("2026-03-28T12:00:00Z");
  kills = 0;
  readonly #entropy: Entropy;
  readonly #options: RolloutWorldOptions;
  readonly #nodes = new Map<string, Node>();
  readonly #queue = new Map<number, (() => void)[]>();
  /** What nodes report, until the manager has stored it: it is told again after a kill, as reconciliation does. */
  readonly #outcomes = new Map<string, RolloutEvent>();
  readonly #open = new Map<string, string>();
  #quarantine: QuarantineRecord = { digest: newDigest, model: "m", nodes: [] };
  #scan = offerScan();
  #awayUntilMs = 0;
  #restarts = 0;
  #pending: RolloutEvent[] = [];

  constructor(options: RolloutWorldOptions) {
    this.#options = options;
    this.#entropy = seededEntropy(`rollout ${options.seed}`);
    for (let i = 0; i < options.nodes; i++) this.#add(`n${i}`);
    const parsed = parseRolloutPlan({
      ...{ id: `r${options.seed}`, update: "fw", waves: ["1", "5%", "20%", "100%"] },
      limits: { concurrency: 200, perSite: 60, silentLeaseSeconds: 1800, offerLeaseSeconds: 600 },
      gate: { soakSeconds: 600, health: [], successRatio: 0.9, failureRatio: 0.1 },
      retry: { attempts: 3, backoffSeconds: 60 },
    });
    if (!parsed.ok) throw new Error(parsed.rule);
    const created = { kind: "created", plan: parsed.plan, image, by: "ann", atMs: this.nowMs } as const;
    this.log.push(created);
    this.state = rolloutTransition(undefined, created).state!;
    this.#store([{ kind: "joined", nodes: [...this.#nodes.keys()].map((node) => ({ node })), atMs: this.nowMs }]);
    this.#store([{ kind: "started", by: "ann", atMs: this.nowMs }]);
  }

  run(): void {
    const endMs = this.nowMs + this.#options.hours * 60 * minute;
    const stepMs = 5000;
    let calmSinceMs = this.nowMs;
    for (let told = 0; this.nowMs < endMs && this.nowMs - calmSinceMs < calmMs && this.#isOpen; ) {
      this.nowMs += stepMs;
      for (const work of this.#take(Math.floor(this.nowMs / stepMs))) work();
      if (this.#entropy.fraction() < 0.0015) this.#kill();
      if (this.nowMs < this.#awayUntilMs) continue;
      if (this.#awayUntilMs > 0) this.#restart();
      this.#work();
      this.#operator();
      // A start after a kill is told to the log and is nothing that happened to the rollout.
      const happened = this.log.length - this.#restarts;
      if (happened > told || this.state.active + this.state.sleepers > 0) calmSinceMs = this.nowMs;
      told = happened;
    }
    this.#checkEnd();
  }

  get #isOpen(): boolean {
    return this.state.status === "running" || this.state.pause?.by === "quarantine";
  }

  /** A person who finds after a while that a few bad nodes are bad nodes, and that many are a bad image. */
  #operator(): void {
    if (this.state.pause?.by !== "quarantine" || this.#entropy.fraction() > 0.01) return;
    if (this.#options.badShare > 0.1) {
      this.#store([{ kind: "aborted", by: "ann", cancelsUnderWay: true, atMs: this.nowMs }]).forEach((effect) => {
        this.#perform(effect);
      });
      return;
    }
    this.#quarantine = liftQuarantine(this.#quarantine, "ann", this.nowMs);
    this.#store([{ kind: "resumed", by: "ann", atMs: this.nowMs }]);
  }

  #add(id: string): void {
    const { badShare } = this.#options;
    const isSleepy = this.#entropy.fraction() < 0.1;
    this.#nodes.set(id, {
      ...{ id, isSleepy, pollMs: isSleepy ? 10 * minute : minute },
      diesOnTrial: this.#entropy.fraction() < badShare,
      ...{ slots: [oldDigest, undefined], active: 0, trial: false, attempt: undefined, phase: undefined },
      awayUntilMs: this.#entropy.fraction() < 0.02 ? Number.POSITIVE_INFINITY : 0,
      ...{ offered: new Set(), comesAtMs: 0 },
    });
  }

  #facts(id: string): NodeFacts | undefined {
    const node = this.#nodes.get(id);
    if (node === undefined) return undefined;
    const isThere = node.awayUntilMs <= this.nowMs;
    return {
      ...{ presence: isThere ? "online" : "offline", isSleepy: node.isSleepy, pollMs: node.pollMs, hasReport: true },
      ...{ historyMs: 86_400_000 },
      ...{ isBusy: false, isDeferred: false, site: `s${id.length}${id.at(-1)}` },
      digest: node.trial ? undefined : node.slots[node.active],
    };
  }

  get #seen() {
    return { node: (id: string) => this.#facts(id), isQuarantined: isQuarantined(this.#quarantine) };
  }

  #work(): void {
    for (let turns = 0, isTick = true; turns < 200; turns++, isTick = false) {
      let batch: readonly RolloutEvent[] = this.#pending.splice(0);
      if (batch.length === 0) {
        const closing = closingEvent(this.state, this.#seen, this.nowMs);
        const timed = isTick ? timeEvents(this.state, this.#seen, () => [], this.nowMs) : closing ? [closing] : [];
        batch = timed.length > 0 ? timed : offerEvents(this.state, this.#seen, this.nowMs, this.#scan, isTick);
      }
      if (batch.length === 0) return;
      // Killed between the commit and what it sets off, or before the commit.
      const chance = this.#entropy.fraction();
      if (chance < 0.0005) {
        this.#kill();
        return;
      }
      const effects = this.#store(batch);
      if (chance < 0.001) {
        this.#kill();
        return;
      }
      for (const effect of effects) {
        if (this.#entropy.fraction() < 0.0001) {
          this.#kill();
          return;
        }
        this.#perform(effect);
      }
    }
    this.violations.push("the machine doesn't come to rest");
  }

  #store(batch: readonly RolloutEvent[]): RolloutEffect[] {
    const effects: RolloutEffect[] = [];
    for (const event of batch) {
      // As storage gives it back.
      this.log.push(JSON.parse(JSON.stringify(event)) as RolloutEvent);
      this.#check(event);
      effects.push(...rolloutTransition(this.state, event).effects);
      if (event.kind === "ended") this.#outcomes.delete(event.attempt);
    }
    return effects;
  }

  #perform(effect: RolloutEffect): void {
    if (effect.kind === "offer") this.#offer(effect.node, effect.attempt);
    if (effect.kind === "cancel") this.#cancel(effect.node, effect.attempt);
  }

  /** Idempotent, as the manager's own is: an attempt of that name is there or isn't. */
  #offer(id: string, attempt: string): void {
    const node = this.#nodes.get(id)!;
    if (node.offered.has(attempt)) return;
    node.offered.add(attempt);
    if (isQuarantined(this.#quarantine)) {
      // As the manager's own offer does, when the log's is done again after a kill.
      this.#pending.push({
        kind: "ended",
        node: id,
        attempt,
        state: "cancelled",
        reason: "quarantined",
        atMs: this.nowMs,
      });
      return;
    }
    if (this.#open.get(id) !== undefined && this.#open.get(id) !== attempt)
      this.violations.push(`${id} has two attempts`);
    this.#open.set(id, attempt);
    node.attempt = attempt;
    node.phase = "offered";
    this.#later(this.#delay(node.pollMs), () => this.#begin(node, attempt));
  }

  #cancel(id: string, attempt: string): void {
    if (this.#open.get(id) === attempt) this.#open.delete(id);
    const node = this.#nodes.get(id)!;
    // It hears of that when it comes; what it does until then is its own, but no report of it counts.
    if (node.attempt === attempt && node.phase !== "committed") node.attempt = undefined;
  }

  /** The node came, and takes what it was offered. */
  #begin(node: Node, attempt: string): void {
    if (node.attempt !== attempt) return;
    if (this.#isAway(node)) {
      this.#later(this.#delay(node.pollMs), () => this.#begin(node, attempt));
      return;
    }
    node.phase = "under-way";
    this.#report(node, { kind: "moved", node: node.id, attempt, to: "under-way", atMs: this.nowMs });
    this.#later(minute + this.#delay(5 * minute), () => this.#downloaded(node, attempt));
  }

  #downloaded(node: Node, attempt: string): void {
    if (node.attempt !== attempt) return;
    if (this.#isAway(node)) {
      this.#later(this.#delay(node.pollMs), () => this.#downloaded(node, attempt));
      return;
    }
    if (this.#entropy.fraction() < this.#options.loss) {
      this.#end(node, attempt, "failed", "timeout");
      return;
    }
    // Never the running slot.
    const other = node.active === 0 ? 1 : 0;
    node.slots[other] = newDigest;
    node.phase = "committed";
    this.#report(node, { kind: "moved", node: node.id, attempt, to: "committed", atMs: this.nowMs });
    node.active = other;
    node.trial = true;
    this.#later(30_000 + this.#delay(minute), () => this.#tried(node, attempt));
  }

  #tried(node: Node, attempt: string): void {
    if (this.#isAway(node)) {
      this.#later(this.#delay(node.pollMs), () => this.#tried(node, attempt));
      return;
    }
    node.trial = false;
    const isManagerAway = this.nowMs < this.#awayUntilMs;
    if (node.diesOnTrial || isManagerAway) {
      node.active = node.active === 0 ? 1 : 0;
      const reason = node.diesOnTrial ? "crash" : "manager-unreachable";
      if (node.diesOnTrial) {
        this.#quarantine = countRollBack(this.#quarantine, node.id, reason, this.nowMs);
      }
      this.#end(node, attempt, "rolled-back", reason, isManagerAway);
      return;
    }
    this.#end(node, attempt, "succeeded", undefined);
  }

  #end(
    node: Node,
    attempt: string,
    state: "succeeded" | "failed" | "rolled-back",
    reason: string | undefined,
    wasAway = false,
  ): void {
    node.phase = "ended";
    node.attempt = undefined;
    const event: RolloutEvent = {
      ...{ kind: "ended", node: node.id, attempt, state, atMs: this.nowMs },
      ...(reason !== undefined && { reason }),
      ...(wasAway && { wasManagerAway: true }),
    };
    // The manager's own attempt was closed before: a late word belongs to nothing.
    if (this.#open.get(node.id) !== attempt) return;
    this.#open.delete(node.id);
    this.#outcomes.set(attempt, event);
    this.#report(node, event);
  }

  /** A datagram may be lost; what matters is said again at the next registration, which here is the recovery of outcomes. */
  #report(node: Node, event: RolloutEvent): void {
    const isLost = this.#entropy.fraction() < this.#options.loss;
    if (this.nowMs < this.#awayUntilMs || isLost) {
      if (event.kind === "ended") this.#later(node.pollMs, () => this.#again(node, event));
      return;
    }
    this.#pending.push(event);
  }

  #again(node: Node, event: Extract<RolloutEvent, { kind: "ended" }>): void {
    if (this.#outcomes.has(event.attempt)) this.#report(node, event);
  }

  #isAway(node: Node): boolean {
    if (node.awayUntilMs > this.nowMs) return true;
    // Power goes at any moment, and comes back; whatever it was, one slot boots.
    if (this.#entropy.fraction() < 0.01) {
      node.awayUntilMs = this.nowMs + this.#delay(10 * minute);
      const boots = node.slots[node.active];
      if (boots === undefined) this.violations.push(`${node.id} has no image that boots`);
      return true;
    }
    return false;
  }

  #kill(): void {
    this.kills++;
    this.#pending = [];
    this.#awayUntilMs = this.nowMs + this.#delay(5 * minute);
  }

  /** Another process: nothing but the log is left. */
  #restart(): void {
    const before = rolloutDigest(this.state);
    let again: RolloutState | undefined;
    for (const event of this.log) again = rolloutTransition(again, event).state;
    this.state = again!;
    if (rolloutDigest(this.state) !== before) this.violations.push("the log read again comes to another state");
    this.#scan = offerScan();
    const last = this.log.at(-1)!.atMs;
    this.#awayUntilMs = 0;
    this.#restarts++;
    this.#store([{ kind: "downtime", ms: this.nowMs - last, atMs: this.nowMs }]);
    const { members } = this.state;
    for (const row of members.rows()) {
      const phase = members.phase(row);
      if (phase !== "offered" && phase !== "under-way" && phase !== "committed") continue;
      const outcome = this.#outcomes.get(members.attemptId(row));
      if (outcome !== undefined) this.#pending.push(outcome);
      else this.#offer(members.idOf(row), members.attemptId(row));
    }
    for (const [id, attempt] of [...this.#open]) {
      const row = members.find(id);
      const phase = members.phase(row);
      const isIts =
        members.attemptId(row) === attempt && (phase === "offered" || phase === "under-way" || phase === "committed");
      if (!isIts) this.#cancel(id, attempt);
    }
  }

  /** Before the event is in the state: what must never happen. */
  #check(event: RolloutEvent): void {
    const { state } = this;
    if (event.kind === "gate-passed") this.#checkPassed(event.wave);
    if (event.kind === "offered") {
      if (isQuarantined(this.#quarantine)) this.violations.push("a quarantined digest was offered");
      const { concurrency, perSite = Number.POSITIVE_INFINITY } = state.plan.limits;
      const touched =
        state.members.touched +
        event.nodes.filter(({ node }) => state.members.columns.wave[state.members.find(node)] === 0xff).length;
      const limit = waveLimit(state.plan, state.wave, state.members.inTurn);
      if (touched > limit)
        this.violations.push(`${touched} nodes were offered it, and wave ${state.wave} reaches ${limit}`);
      const awake = event.nodes.filter(({ isSleeper }) => isSleeper !== true).length;
      // A sleeper that woke takes a slot that it didn't ask for.
      if (state.active + awake > 2 * concurrency) this.violations.push(`${state.active + awake} nodes are at it`);
      for (const [site, count] of state.activeBySite)
        if (count > perSite) this.violations.push(`${site} has ${count} at it`);
    }
    if (event.kind === "ended" && event.state === "succeeded") {
      const node = this.#nodes.get(event.node)!;
      if (node.slots[node.active] !== newDigest || node.trial)
        this.violations.push(`${event.node} is called a success and isn't one`);
    }
  }

  /** By counting the nodes themselves, not by what the machine counted. */
  #checkPassed(wave: number): void {
    const { members, plan } = this.state;
    const { gate } = plan;
    let succeeded = 0;
    let failed = 0;
    for (const row of members.rows()) {
      if (members.columns.wave[row] !== wave) continue;
      if (members.phase(row) === "succeeded") succeeded++;
      if (members.phase(row) === "failed") failed++;
    }
    const reach = (each: number): number => (each < 0 ? 0 : waveLimit(plan, each, members.inTurn));
    const size = reach(wave) - reach(wave - 1);
    const ended = succeeded + failed;
    const isClosed =
      ended < Math.min(gate.minSample, size) ||
      failed > gate.failureRatio * Math.max(size, 1) ||
      succeeded < gate.successRatio * ended;
    if (isClosed)
      this.violations.push(`wave ${wave} opened past a closed gate: ${succeeded} of ${size} well, ${failed} not`);
  }

  #checkEnd(): void {
    for (const node of this.#nodes.values()) {
      if (node.slots[node.active] === undefined) this.violations.push(`${node.id} has no image that boots`);
    }
    // Whatever happens now, each attempt ends: by a word of its node, or by its lease.
    this.nowMs += 24 * 60 * minute;
    for (let turns = 0; turns < 20; turns++) {
      const leases = timeEvents(this.state, this.#seen, () => [], this.nowMs).filter(
        ({ kind }) => kind === "leases-expired",
      );
      if (leases.length === 0) break;
      this.#store(leases);
    }
    const { active, sleepers } = this.state;
    if (active + sleepers !== 0) this.violations.push(`${active + sleepers} attempts never ended`);
  }

  #delay(upTo: number): number {
    return this.#entropy.fraction() * upTo;
  }

  #later(delayMs: number, work: () => void): void {
    const at = Math.floor((this.nowMs + delayMs) / 5000) + 1;
    const list = this.#queue.get(at);
    if (list === undefined) this.#queue.set(at, [work]);
    else list.push(work);
  }

  #take(at: number): readonly (() => void)[] {
    const list = this.#queue.get(at) ?? [];
    this.#queue.delete(at);
    return list;
  }
}
