import type { Clock } from "../../kernel/clock.ts";
import type { Entropy } from "../../kernel/entropy.ts";
import type { Action, Update, UpdateAction } from "../../schemas/generated/types.ts";
import { nodeId } from "../../schemas/wire/node-id.ts";
import { actionOf, type QueueEntry } from "../domain/action-queue.ts";
import { isSameUpdate, isTarget, isWrongModel, type UpdateRecord, updateBody } from "../domain/update-record.ts";
import type { Artifacts } from "../ports/artifacts.ts";
import type { Change, Storage } from "../ports/storage.ts";
import type { ActionQueues } from "./action-queues.ts";
import type { Audited } from "./api/audit.ts";
import type { Actor } from "./api/registry.ts";
import type {
  CreateUpdateOutcome,
  InstallOutcome,
  SetManifestOutcome,
  StartedNode,
  StartOutcome,
  StartRefusal,
  UpdateCounts,
  Updates,
  UpdateView,
} from "./api/updates.ts";
import type { AttemptBook } from "./attempt-book.ts";
import { type AttemptRecord, attemptKey, attemptTable } from "./attempt-record.ts";
import type { AttemptService } from "./attempt-service.ts";
import type { AuditTrail } from "./audit-trail.ts";
import type { DesiredStateService } from "./desired-state.ts";
import type { EnvelopeCheck } from "./envelope-check.ts";
import type { IntentBook } from "./intent-book.ts";
import type { KeyedSerial } from "./keyed-serial.ts";
import { linkedAction } from "./linked-action.ts";
import type { LiveEventBus } from "./live-event-bus.ts";
import type { StorageWriter } from "./storage-writer.ts";
import { type ArtifactBase, updateActionBody } from "./update-action-body.ts";
import { signedUpdate, UpdateEnvelopes } from "./update-envelopes.ts";

export interface UpdateServiceOptions {
  readonly storage: Storage;
  readonly writer: StorageWriter;
  readonly serial: KeyedSerial;
  readonly artifacts: Artifacts;
  readonly book: AttemptBook;
  readonly attempts: AttemptService;
  readonly intents: IntentBook;
  readonly queues: ActionQueues;
  readonly desiredState: DesiredStateService;
  readonly bus: LiveEventBus;
  readonly audit: AuditTrail;
  readonly clock: Clock;
  readonly entropy: Entropy;
  /** Where the node can fetch artifacts. */
  bases(node: string): readonly ArtifactBase[];
  readonly offersUnsigned: boolean;
  /** For the link of an attempt. */
  token(this: void, attempt: string): string;
  readonly envelopes: Pick<EnvelopeCheck, "check" | "checkUnsigned" | "trusts" | "signerOf">;
  readonly limits: {
    readonly updates: number;
    readonly attemptBudget: number;
    readonly concurrentInstalls: number;
  };
  /** Model and running digest of a registered node. */
  node(id: string): Promise<{ readonly model: string; readonly digest: string | undefined } | undefined>;
  /** The image rolled back on too many nodes of that model. */
  isQuarantined(model: string, digest: string): boolean;
  /** Why the node must wait although it asks: a rollout of this update decides when its turn is. */
  rolloutHold(
    update: string,
    node: string,
  ): { readonly reason: string; readonly retryAfterSeconds: number } | undefined;
  /** Tells the node by MQTT that the update waits. */
  trigger(node: string, update: string, action: UpdateAction): Promise<void>;
}

/** An attempt whose name is given, since a rollout made it before anything was stored of it. */
export interface OwnAttempt {
  readonly attempt: string;
  readonly rollout: string;
}

const updateTable = "update";
const waitSeconds = 30;
/** Nodes that an entry of the audit names; of more it has the number. */
const maxAuditedNodes = 100;

export class UpdateService implements Updates {
  readonly takesUnsigned: boolean;
  readonly #options: UpdateServiceOptions;
  readonly #envelopes: UpdateEnvelopes;
  readonly #records = new Map<string, { record: UpdateRecord; revision: number }>();

  constructor(options: UpdateServiceOptions) {
    this.#options = options;
    this.takesUnsigned = options.offersUnsigned;
    this.#envelopes = new UpdateEnvelopes(options.storage);
  }

  async load(): Promise<void> {
    for (let after = ""; ; ) {
      const page = await this.#options.storage.list(updateTable, { after });
      for (const { key, revision, value } of page) this.#records.set(key, { record: value as UpdateRecord, revision });
      const last = page.at(-1);
      if (last === undefined) return;
      after = last.key;
    }
  }

  create(update: Update, by: Actor, envelope?: Uint8Array | "follows"): Promise<CreateUpdateOutcome> {
    const { serial, artifacts, clock, limits, bus, envelopes, offersUnsigned } = this.#options;
    // It is copied now: the caller's buffer may be used again.
    const own = envelope === "follows" ? undefined : envelope?.slice();
    return serial.run(`update/${update.id}`, async () => {
      const body = updateBody(update);
      const known = this.#records.get(body.id);
      if (known !== undefined) {
        const isSame =
          isSameUpdate(known.record.body, body) && (own === undefined || (await this.#envelopes.has(body.id, own)));
        return { kind: isSame ? "same" : "conflict", update: this.#view(known.record) };
      }
      if (envelope === undefined && !offersUnsigned) return { kind: "unsigned" };
      if (this.#records.size >= limits.updates) return { kind: "full" };
      const artifact = artifacts.find(body.digest);
      // Of a signed one the payloads must be there, which the check of its envelope looks after; the image may be among them encrypted only.
      if (artifact === undefined && own === undefined) return { kind: "unknown-artifact", digest: body.digest };
      if (artifact !== undefined && artifact.size !== body.size) return { kind: "wrong-size", stored: artifact.size };
      const misfit = own === undefined ? await envelopes.checkUnsigned(body) : undefined;
      if (misfit !== undefined) return misfit;
      const verdict = own && (await envelopes.check(own, body));
      if (verdict?.kind === "refused") return verdict;
      const record: UpdateRecord = {
        body,
        createdAtMs: clock.wallMs(),
        createdBy: by.id,
        hasManifest: own !== undefined,
        isWithdrawn: false,
        ...(verdict && { signed: signedUpdate(verdict.verified) }),
      };
      const after = verdict === undefined ? body : { ...body, signed: record.signed };
      const audited = { what: "update-created", actor: by, after };
      await this.#store(body.id, record, 0, audited, own === undefined ? [] : [this.#envelopes.change(body.id, own)]);
      bus.emit({ kind: "update", update: body.id, nodes: body.targets ?? [] });
      return { kind: "created", update: this.#view(record), warnings: verdict?.warnings ?? [] };
    });
  }

  find(update: string): UpdateView | undefined {
    const known = this.#records.get(update);
    return known && this.#view(known.record);
  }

  list(): readonly UpdateView[] {
    return [...this.#records.values()].map(({ record }) => this.#view(record));
  }

  isFor(update: string, node: string): boolean {
    const body = this.#records.get(update)?.record.body;
    const isNamed = (body?.targets as readonly string[] | undefined)?.includes(node) === true;
    return isNamed || this.#options.book.newestOf(update, node) !== undefined;
  }

  listFor(node: string): readonly UpdateView[] {
    return [...this.#records.values()]
      .filter(({ record: { body, isWithdrawn } }) => !isWithdrawn && this.isFor(body.id, node))
      .map(({ record }) => this.#view(record));
  }

  withdraw(update: string, by: Actor): Promise<"withdrawn" | "unknown-update"> {
    const { serial, book, attempts, clock, bus } = this.#options;
    return serial.run(`update/${update}`, async () => {
      const known = this.#records.get(update);
      if (known === undefined) return "unknown-update";
      if (!known.record.isWithdrawn) {
        const record = { ...known.record, isWithdrawn: true };
        const audited = {
          what: "update-withdrawn",
          actor: by,
          before: { isWithdrawn: false },
          after: { isWithdrawn: true },
        };
        await this.#store(update, record, known.revision, audited);
      }
      const open = [...book.allOpen()].filter(({ record }) => record.update === update);
      for (const { record } of open) {
        await attempts.apply(record.id, { kind: "cancelled", reason: "withdrawn", nowMs: clock.wallMs() });
      }
      bus.emit({ kind: "update", update, nodes: open.map(({ record }) => record.node) });
      return "withdrawn";
    });
  }

  async manifest(update: string, form: "whole" | "for-nodes" = "whole"): Promise<Uint8Array | undefined> {
    if (form === "whole") return await this.#envelopes.read(update);
    const signed = this.#records.get(update)?.record.signed;
    return signed === undefined ? undefined : await this.#envelopes.forNodes(update);
  }

  setManifest(update: string, envelope: Uint8Array, by: Actor): Promise<SetManifestOutcome> {
    const { serial, bus, envelopes, book } = this.#options;
    const own = envelope.slice();
    return serial.run(`update/${update}`, async () => {
      const known = this.#records.get(update);
      if (known === undefined) return { kind: "unknown-update" };
      const { record } = known;
      if (record.isWithdrawn) return { kind: "withdrawn" };
      if (record.signed !== undefined) {
        if (await this.#envelopes.has(update, own)) return { kind: "stored", update: this.#view(record) };
        // What was offered stays what it is.
        if (book.counts(update).total > 0) return { kind: "in-use" };
      }
      const verdict = await envelopes.check(own, record.body);
      if (verdict.kind === "refused") return verdict;
      const signed = signedUpdate(verdict.verified);
      const ready = { ...record, hasManifest: true, signed };
      const audited = { what: "envelope-set", actor: by, after: { bytes: own.length, ...signed } };
      await this.#store(update, ready, known.revision, audited, [this.#envelopes.change(update, own)]);
      bus.emit({ kind: "update", update, nodes: record.body.targets ?? [] });
      return { kind: "stored", update: this.#view(ready) };
    });
  }

  async start(
    update: string,
    nodes: readonly string[],
    by: Actor,
    trigger: "action" | "mqtt" = "action",
  ): Promise<StartOutcome> {
    const known = this.#records.get(update);
    if (known === undefined) return { kind: "unknown-update" };
    const { record } = known;
    if (record.isWithdrawn) return { kind: "withdrawn" };
    if (!this.#isOffered(record)) return { kind: "unsigned" };
    const wanted = new Set(nodes);
    // Before it begins, and once for all: each node's own attempt is in its timeline.
    await this.#options.audit.record({
      what: "update-started",
      actor: by,
      subject: `update/${update}`,
      after: { count: wanted.size, nodes: [...wanted].slice(0, maxAuditedNodes), trigger },
    });
    const started: StartedNode[] = [];
    for (const node of wanted) started.push({ node, outcome: await this.#startOn(record, node, by, trigger) });
    this.#options.bus.emit({ kind: "update", update, nodes: started.map(({ node }) => node) });
    return { kind: "started", nodes: started };
  }

  async install(update: string, node: string): Promise<InstallOutcome> {
    const known = this.#records.get(update);
    if (known === undefined) return { kind: "unknown-update" };
    const { record } = known;
    const open = this.#options.book.openOf(node);
    if (record.isWithdrawn) return { kind: "refused", reason: "withdrawn" };
    if (!this.#isOffered(record)) return { kind: "refused", reason: "unsigned" };
    if (open?.record.update !== update) {
      const hold = this.#options.rolloutHold(update, node);
      if (hold !== undefined) return { kind: "wait", ...hold };
      const refusal = await this.#startByNode(record, node);
      if (refusal !== undefined) return refusal;
    }
    const action = await this.#openAction(node, update);
    if (action === undefined)
      return { kind: "wait", retryAfterSeconds: waitSeconds, reason: "the action is being queued" };
    return { kind: "go", action };
  }

  /** A key isn't trusted any more: what another of the keys signed too is that one's from now on. */
  async keyRemoved(keyId: string): Promise<void> {
    const { serial, envelopes } = this.#options;
    const its = [...this.#records.keys()].filter((id) => this.#records.get(id)?.record.signed?.keyId === keyId);
    for (const update of its) {
      await serial.run(`update/${update}`, async () => {
        const known = this.#records.get(update);
        const envelope = await this.#envelopes.read(update);
        if (known?.record.signed === undefined || envelope === undefined) return;
        const signer = envelopes.signerOf(envelope);
        if (signer === undefined || signer === known.record.signed.keyId) return;
        const record = { ...known.record, signed: { ...known.record.signed, keyId: signer } };
        const actor = { kind: "manager", id: "trust anchors" } as const;
        const change = { before: { keyId }, after: { keyId: signer } };
        await this.#store(update, record, known.revision, { what: "signer-changed", actor, ...change });
      });
    }
  }

  /** Whether these bytes are its image or one of its payloads. */
  hasPayload(update: string, digest: string): boolean {
    const record = this.#records.get(update)?.record;
    return record?.body.digest === digest || record?.signed?.payloads.some((each) => each.digest === digest) === true;
  }

  counts(update: string): UpdateCounts | undefined {
    if (!this.#records.has(update)) return undefined;
    return { update, ...this.#options.book.counts(update) };
  }

  countsWithin(within: (node: string) => boolean): (update: string) => UpdateCounts {
    return this.#options.book.countsWithin(within);
  }

  /** Whether it may be offered now: it is there, nobody withdrew it, and it is signed where it must be. */
  readiness(update: string): "ready" | "unknown-update" | "withdrawn" | "unsigned" {
    const known = this.#records.get(update);
    if (known === undefined) return "unknown-update";
    if (known.record.isWithdrawn) return "withdrawn";
    return this.#isOffered(known.record) ? "ready" : "unsigned";
  }

  /** A rollout offers it to one node, under the attempt's own name: done again after a crash it is the same attempt. */
  async offer(
    update: string,
    node: string,
    own: OwnAttempt,
  ): Promise<StartedNode["outcome"] | { readonly kind: "unknown-update" | "withdrawn" | "unsigned" }> {
    const readiness = this.readiness(update);
    const known = this.#records.get(update);
    if (readiness !== "ready" || known === undefined) return { kind: readiness === "ready" ? "unsigned" : readiness };
    const by = { kind: "manager", id: `rollout ${own.rollout}` } as const;
    return await this.#startOn(known.record, node, by, "action", own);
  }

  /** The node lost what it had installed: a new attempt under a new rev. Within the budget, which the caller checked. */
  async offerAgain(update: string, node: string): Promise<void> {
    const known = this.#records.get(update);
    if (known === undefined || known.record.isWithdrawn || !this.#isOffered(known.record)) return;
    await this.#startOn(known.record, node, { kind: "manager", id: "reconciliation" }, "action");
  }

  async #startByNode(record: UpdateRecord, node: string): Promise<InstallOutcome | undefined> {
    const { book, limits } = this.#options;
    const about = await this.#options.node(node);
    if (about === undefined) return { kind: "refused", reason: "unknown-node" };
    if (!isTarget(record.body, { id: node, model: about.model })) return { kind: "refused", reason: "not-a-target" };
    if (book.tries(node, record.body.digest) >= limits.attemptBudget)
      return { kind: "refused", reason: "budget-spent" };
    if (book.open >= limits.concurrentInstalls) {
      return { kind: "wait", retryAfterSeconds: waitSeconds, reason: "no slot" };
    }
    const outcome = await this.#startOn(record, node, { kind: "node", id: node }, "action");
    if (outcome.kind !== "refused") return undefined;
    return { kind: "refused", reason: outcome.reason };
  }

  #startOn(
    { body, signed }: UpdateRecord,
    node: string,
    by: Actor,
    trigger: "action" | "mqtt",
    own?: OwnAttempt,
  ): Promise<StartedNode["outcome"]> {
    const { serial, book, attempts, clock, entropy, desiredState, intents } = this.#options;
    const refused = (reason: StartRefusal): StartedNode["outcome"] => ({ kind: "refused", reason });
    const isAnchors = signed?.kind === "anchors";
    return serial.run(`start/${node}`, async () => {
      const about = await this.#options.node(node);
      if (about === undefined) return refused("unknown-node");
      if (own !== undefined && (await this.#hasAttempt(body.id, node, own.attempt))) {
        return { kind: "open", attempt: own.attempt };
      }
      if (this.#isQuarantined(body, about.model)) return refused("quarantined");
      if (isWrongModel(body, about)) return refused("wrong-model");
      if (about.digest === body.digest) return refused("already-running");
      const open = book.openOf(node)?.record;
      if (open?.update === body.id) {
        if (trigger === "mqtt") await this.#trigger(node, body.id);
        return { kind: "open", attempt: open.id };
      }
      if (!book.hasRoom) return refused("queue-full");
      // One at a time: the node hears `none` for the old one's rev, then of this one.
      if (open !== undefined) {
        await attempts.apply(open.id, { kind: "cancelled", reason: "superseded", nowMs: clock.wallMs() });
      }
      const drawn = (): string => entropy.uint32().toString(16).padStart(8, "0");
      const id = own?.attempt ?? `a-${drawn()}${drawn()}`;
      const nowMs = clock.wallMs();
      let record: AttemptRecord | undefined;
      const entry = await desiredState.enqueue(
        node,
        updateActionBody(body, {
          node: nodeId(node),
          attempt: id,
          bases: this.#options.bases(node),
          isSigned: signed !== undefined,
        }),
        by,
        {
          isQuiet: trigger === "mqtt",
          also: (rev) => {
            const progress = {
              state: "offered",
              digest: body.digest,
              rev,
              ...(isAnchors ? { endsWithResult: true } : { total: body.size }),
              changedAtMs: nowMs,
            } as const;
            record = {
              ...{ id, update: body.id, node, startedAtMs: nowMs, by: by.id, progress, bytesByWay: {}, resumes: 0 },
              ...(own && { rollout: own.rollout }),
            };
            return [
              { kind: "put", table: attemptTable, key: attemptKey(record), expectedRevision: 0, value: record },
              ...(isAnchors
                ? []
                : [intents.desiredChange(node, { update: body.id, attempt: id, digest: body.digest, rev })]),
            ];
          },
          written: (results) => {
            const [, , stored] = results;
            if (record !== undefined && stored?.kind === "written") book.add(record, stored.revision);
          },
        },
      );
      if (entry === undefined || record === undefined) return refused("queue-full");
      // Which keys a node trusts is nothing that it runs.
      if (!isAnchors) intents.setDesired(node, { update: body.id, attempt: id, digest: body.digest, rev: entry.rev });
      attempts.offered(record);
      // It may have been quarantined while this was written; whoever quarantines calls back what he finds in the book.
      if (this.#isQuarantined(body, about.model)) {
        await attempts.apply(id, { kind: "cancelled", reason: "quarantined", nowMs: clock.wallMs() });
        return refused("quarantined");
      }
      if (trigger === "mqtt") await this.#trigger(node, body.id);
      return { kind: "offered", attempt: id, rev: entry.rev };
    });
  }

  async #hasAttempt(update: string, node: string, id: string): Promise<boolean> {
    const { book, storage } = this.#options;
    if (book.get(id) !== undefined) return true;
    // One that ended long ago is in storage only.
    return (await storage.get(attemptTable, `${update}/${node}/${id}`)) !== undefined;
  }

  async #trigger(node: string, update: string): Promise<void> {
    // Who may read at the broker needn't be let to the image: the node asks for its action, which has the link's token.
    const action = await this.#queuedAction(node, update);
    if (action !== undefined) await this.#options.trigger(node, update, action);
  }

  async #openAction(node: string, update: string): Promise<Action | undefined> {
    const action = await this.#queuedAction(node, update);
    return action && linkedAction(action, this.#options.token);
  }

  async #queuedAction(node: string, update: string): Promise<UpdateAction | undefined> {
    const queue = await this.#options.queues.read(node);
    const entry = queue.entries.findLast(
      (each: QueueEntry) => each.body.kind === "update" && each.body.update === update,
    );
    if (entry === undefined || entry.state === "cancelled") return undefined;
    const action = actionOf({ entry, isVoid: false, hasMore: false });
    return action.kind === "update" ? action : undefined;
  }

  /** For the model of the node, or for that of the update: a node that doesn't say what it is gets no image that is bad for whom it is made for. */
  #isQuarantined({ model = "unknown", digest }: Update, ofNode: string): boolean {
    return this.#options.isQuarantined(ofNode, digest) || this.#options.isQuarantined(model, digest);
  }

  /** A key that was removed since signs nothing any more. */
  #isReady({ signed }: UpdateRecord): boolean {
    return signed !== undefined && this.#options.envelopes.trusts(signed.keyId);
  }

  #isOffered(record: UpdateRecord): boolean {
    return this.#isReady(record) || this.#options.offersUnsigned;
  }

  async #store(
    update: string,
    record: UpdateRecord,
    expectedRevision: number,
    audited: Omit<Audited, "subject">,
    also: readonly Change[] = [],
  ): Promise<void> {
    const [written] = await this.#options.writer.commit(update, [
      { kind: "put", table: updateTable, key: update, expectedRevision, value: record },
      this.#options.audit.change({ ...audited, subject: `update/${update}` }, 0),
      ...also,
    ]);
    if (written?.kind !== "written") throw new Error(`Another process wrote update ${update} at the same time.`);
    this.#records.set(update, { record, revision: written.revision });
  }

  #view(record: UpdateRecord): UpdateView {
    const { body, createdAtMs, createdBy, isWithdrawn, signed } = record;
    const state = this.#isReady(record) ? "ready" : "unsigned";
    return {
      update: body,
      state: isWithdrawn ? "withdrawn" : state,
      ...(signed && { signed }),
      createdAtMs,
      createdBy,
    };
  }
}
