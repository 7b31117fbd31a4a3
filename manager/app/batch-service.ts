import type { Clock } from "../../kernel/clock.ts";
import type { Entropy } from "../../kernel/entropy.ts";
import { toHex } from "../../schemas/wire/hex.ts";
import {
  type BatchDeviceRecord,
  type BatchRecord,
  batchDevice,
  batchInfo,
  batchKeyBytes,
  batchNodeId,
  batchTimes,
  hardwareIdFrom,
} from "../domain/batch.ts";
import { enrolmentKidBytes } from "../domain/enrolment.ts";
import { oscoreSaltBytes, oscoreSecretBytes } from "../domain/node-credential.ts";
import type { KeyDerivation } from "../ports/key-derivation.ts";
import type { SecretBox } from "../ports/secret-box.ts";
import type { Change, Storage, StoredRow } from "../ports/storage.ts";
import type { BatchDeviceView, Batches, BatchPlan, BatchView, CreatedBatch, RevokedBatch } from "./api/batches.ts";
import type { Credentials } from "./api/credentials.ts";
import type { EnrolmentKey, EnrolOutcome } from "./api/enrolments.ts";
import type { Actor } from "./api/registry.ts";
import type { AuditTrail } from "./audit-trail.ts";
import { fromBase64, toBase64 } from "./base64.ts";
import { BatchSequences } from "./batch-sequences.ts";
import { keyFileFaults } from "./key-file-faults.ts";
import type { KeyedSerial } from "./keyed-serial.ts";
import type { RefusedEnrolments } from "./refused-enrolments.ts";
import type { StorageWriter } from "./storage-writer.ts";

export interface BatchServiceOptions {
  readonly storage: Storage;
  readonly writer: StorageWriter;
  readonly serial: KeyedSerial;
  readonly audit: AuditTrail;
  readonly box: SecretBox;
  readonly derive: KeyDerivation;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly credentials: Pick<Credentials, "issue" | "keyring" | "list" | "revoke" | "revokeIssued">;
  readonly refused: RefusedEnrolments;
  readonly limits: {
    readonly batches: number;
    readonly batchContextsPerSecond: number;
    readonly batchStrangers: number;
  };
  /** A batch is good no more: every context with its kid goes. */
  ended(batch: string): void;
}

const table = "batch";
const deviceTable = "batch-device";
const rowsPerCommit = 500;
const utf8 = new TextEncoder();

interface Kept {
  record: BatchRecord;
  readonly listed: ReadonlySet<string> | undefined;
  /** Devices with a row in storage, and those that are getting one. */
  devices: number;
}

/** Batches are in memory, for any datagram may ask for them; their devices are in storage. */
export class BatchService implements Batches {
  readonly #options: BatchServiceOptions;
  readonly #sequences: BatchSequences;
  readonly #batches = new Map<string, Kept>();
  /** Keys of devices that were made since then. */
  #derived = 0;
  #secondAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: BatchServiceOptions) {
    this.#options = options;
    this.#sequences = new BatchSequences(options);
  }

  async load(): Promise<void> {
    for await (const { key, value } of this.#rows(table)) {
      const record = value as BatchRecord;
      if (record.sealed !== undefined && !this.#options.box.isOurs(fromBase64(record.sealed))) {
        throw keyFileFaults("credentials.other-key-file", { whom: "batches" });
      }
      this.#keep(key, record);
    }
    for await (const { key } of this.#rows(deviceTable)) {
      const kept = this.#batches.get(key.slice(0, key.indexOf("/")));
      if (kept !== undefined) kept.devices++;
    }
    await this.#sequences.load();
  }

  create({ model, limit, lifeMs, hardware }: BatchPlan, by: Actor): Promise<CreatedBatch | "full"> {
    const { serial, writer, audit, box, clock, entropy, limits } = this.#options;
    return serial.run("batches", async () => {
      if (this.#batches.size >= limits.batches) return "full";
      const batch = toHex(entropy.bytes(enrolmentKidBytes));
      const key = entropy.bytes(batchKeyBytes);
      const now = clock.wallMs();
      const record: BatchRecord = {
        ...{ model, limit, createdAtMs: now, createdBy: by.id, expiresAtMs: now + lifeMs },
        sealed: toBase64(box.seal(key, batchName(batch))),
        ...(hardware !== undefined && { hardware: [...new Set(hardware)] }),
      };
      const after = { model, limit, expiresAtMs: record.expiresAtMs, listed: record.hardware?.length ?? "any" };
      const results = await writer.commit(batch, [
        { kind: "put", table, key: batch, expectedRevision: 0, value: record },
        audit.change({ what: "batch-created", actor: by, subject: `batch/${batch}`, after }),
      ]);
      if (results[0]?.kind !== "written") throw new Error(`The batch ${batch} is in storage already.`);
      return { ...this.#view(batch, this.#keep(batch, record)), key: toHex(key) };
    });
  }

  list(): readonly BatchView[] {
    return [...this.#batches]
      .map(([batch, kept]) => this.#view(batch, kept))
      .sort((a, b) => b.createdAtMs - a.createdAtMs);
  }

  async devices(batch: string): Promise<readonly BatchDeviceView[] | undefined> {
    if (!this.#batches.has(batch)) return undefined;
    const views: BatchDeviceView[] = [];
    for await (const { key, value } of this.#rows(deviceTable, `${batch}/`)) {
      views.push(this.#deviceView(key.slice(batch.length + 1), value as BatchDeviceRecord));
    }
    return views;
  }

  async revoke(batch: string, withNodes: boolean, by: Actor): Promise<RevokedBatch | "unknown"> {
    const { serial, credentials } = this.#options;
    if (!(await serial.run(`batch/${batch}`, () => this.#end(batch, by)))) return "unknown";
    const nodes: string[] = [];
    for (const { value } of withNodes ? await this.#all(deviceTable, `${batch}/`) : []) {
      const { node, issued } = value as BatchDeviceRecord;
      // What an operator gave the node since isn't of the batch.
      const isOfBatch = issued !== undefined && credentials.keyring.find(issued.kid) !== undefined;
      if (isOfBatch && (await credentials.revoke(node, by)) === "revoked") nodes.push(node);
    }
    await serial.run(`batch/${batch}`, () => this.#remove(batch));
    return { nodes };
  }

  /** The key is gone before anything else is done; a crash behind it leaves a batch that ended, and may be revoked again. */
  async #end(batch: string, by: Actor): Promise<boolean> {
    const { writer, audit, clock } = this.#options;
    const kept = this.#batches.get(batch);
    if (kept === undefined) return false;
    const { sealed: _, ...record } = kept.record;
    const value: BatchRecord = { ...record, expiresAtMs: Math.min(record.expiresAtMs, clock.wallMs()) };
    const before = { enrolled: kept.devices };
    await writer.commit(batch, [
      { kind: "put", table, key: batch, expectedRevision: "any", value },
      audit.change({ what: "batch-revoked", actor: by, subject: `batch/${batch}`, before }),
    ]);
    kept.record = value;
    this.#options.ended(batch);
    return true;
  }

  /** A commit is bounded, and who has the key of a batch isn't in what he makes of it. */
  async #remove(batch: string): Promise<void> {
    const { writer } = this.#options;
    const rows = (await this.#all(deviceTable, `${batch}/`)).map(({ key }) => removal(deviceTable, key));
    for (let at = 0; at < rows.length; at += rowsPerCommit) {
      await writer.commit(batch, rows.slice(at, at + rowsPerCommit));
    }
    await this.#sequences.clear(batch);
    await writer.commit(batch, [removal(table, batch)]);
    this.#batches.delete(batch);
  }

  async #all(from: string, prefix: string): Promise<readonly StoredRow[]> {
    const rows: StoredRow[] = [];
    for await (const row of this.#rows(from, prefix)) rows.push(row);
    return rows;
  }

  async reopen(batch: string, hardware: string, by: Actor): Promise<BatchDeviceView | "unknown"> {
    const { serial, writer, audit, storage, clock } = this.#options;
    const model = this.#batches.get(batch)?.record.model;
    if (model === undefined) return "unknown";
    const node = batchNodeId(model, hardware);
    return await serial.run(`enrolment/${node}`, async () => {
      const kept = this.#batches.get(batch);
      if (kept === undefined) return "unknown";
      const key = batchDevice(batch, hardware);
      const before = (await storage.get(deviceTable, key))?.value as BatchDeviceRecord | undefined;
      const value: BatchDeviceRecord = { ...before, node, reopenedUntilMs: clock.wallMs() + batchTimes.reopened };
      await writer.commit(node, [
        { kind: "put", table: deviceTable, key, expectedRevision: "any", value },
        audit.change({
          ...{ what: "enrolment-reopened", actor: by, subject: `node/${node}` },
          after: { batch, hardware, untilMs: value.reopenedUntilMs },
        }),
      ]);
      if (before === undefined) kept.devices++;
      return this.#deviceView(hardware, value);
    });
  }

  async enrol(batch: string, hardware: string, from: string): Promise<EnrolOutcome> {
    const model = this.#open(batch)?.record.model;
    if (model === undefined) return { kind: "ended" };
    const node = batchNodeId(model, hardware);
    // By node: two batches may have a device of the same name.
    return await this.#options.serial.run(`enrolment/${node}`, () => this.#enrol({ batch, hardware, node, from }));
  }

  async #enrol(asked: Asked): Promise<EnrolOutcome> {
    const { storage, credentials, clock, refused } = this.#options;
    const { batch, hardware, node } = asked;
    const kept = this.#open(batch);
    if (kept === undefined) return { kind: "ended" };
    const row = (await storage.get(deviceTable, batchDevice(batch, hardware)))?.value as BatchDeviceRecord | undefined;
    const isReopened = (row?.reopenedUntilMs ?? 0) > clock.wallMs();
    if (!isReopened) {
      const again = row?.issued && credentials.keyring.find(row.issued.kid);
      if (again?.secrets.scheme === "oscore" && credentials.keyring.of(node)?.kid !== again.kid) {
        return { kind: "enrolled", node, kid: again.kid, secrets: again.secrets };
      }
      // Revoked ones count too: an operator who ended a node doesn't want it back by itself.
      if (row !== undefined || (await credentials.list(node)).length > 0) {
        refused.taken(asked);
        return { kind: "taken" };
      }
    }
    if (row === undefined && kept.devices >= kept.record.limit) {
      refused.batchFull(asked);
      return { kind: "batch-full" };
    }
    if (row === undefined) kept.devices++;
    const outcome = await this.#issue(asked).catch((error: unknown) => {
      if (row === undefined) kept.devices--;
      throw error;
    });
    if (outcome.kind !== "enrolled" && row === undefined) kept.devices--;
    return outcome;
  }

  /** One commit: the credentials, and that the device has them. */
  async #issue({ batch, hardware, node, from }: Asked): Promise<EnrolOutcome> {
    const { audit, credentials, clock } = this.#options;
    const by: Actor = { kind: "node", id: `batch/${batch}`, from };
    const enrolled = (kid: number): readonly Change[] => {
      const value: BatchDeviceRecord = { node, issued: { kid, atMs: clock.wallMs() } };
      return [
        { kind: "put", table: deviceTable, key: batchDevice(batch, hardware), expectedRevision: "any", value },
        audit.change({
          ...{ what: "enrolled", actor: { kind: "node", id: node, from }, subject: `node/${node}` },
          after: { batch, hardware, kid: kid.toString(16) },
        }),
      ];
    };
    const issued = await credentials.issue(node, by, "oscore", undefined, enrolled);
    if (issued.kind === "full") return issued;
    if (issued.secrets.scheme !== "oscore") throw new TypeError("A batch's device gets an OSCORE context.");
    if (this.#open(batch) !== undefined) return { kind: "enrolled", node, kid: issued.kid, secrets: issued.secrets };
    // The batch was revoked meanwhile: what was issued is told to nobody.
    await credentials.revokeIssued(node, by);
    await this.#options.writer.commit(node, [
      { kind: "delete", table: deviceTable, key: batchDevice(batch, hardware), expectedRevision: "any" },
    ]);
    return { kind: "ended" };
  }

  /** The node was revoked or removed: it isn't let in once more either. Returns how many batches had let it, or were about to. */
  async close(node: string): Promise<number> {
    const { storage, writer, serial } = this.#options;
    let count = 0;
    for (const [batch, { record }] of this.#batches) {
      if (!node.startsWith(`${record.model}-`)) continue;
      const key = batchDevice(batch, node.slice(record.model.length + 1));
      const read = async (): Promise<BatchDeviceRecord | undefined> =>
        (await storage.get(deviceTable, key))?.value as BatchDeviceRecord | undefined;
      const before = await read();
      // Behind an enrolment that is under way.
      await serial.run(`enrolment/${node}`, async () => {
        const row = await read();
        const isNew = row?.issued !== undefined && row.issued.kid !== before?.issued?.kid;
        if (isNew || row?.reopenedUntilMs !== undefined) count++;
        if (row?.reopenedUntilMs === undefined) return;
        const { reopenedUntilMs: _, ...value } = row;
        await writer.commit(node, [{ kind: "put", table: deviceTable, key, expectedRevision: "any", value }]);
      });
    }
    return count;
  }

  /** Batches whose time is over lose their keys, and then the numbers that nothing is sent under any more. */
  sweep(): void {
    const { serial, writer, clock } = this.#options;
    for (const [batch, { record }] of this.#batches) {
      const isOver = record.sealed === undefined && !this.#sequences.has(batch);
      if (isOver || record.expiresAtMs > clock.wallMs()) continue;
      const end = async (): Promise<void> => {
        const kept = this.#batches.get(batch);
        if (kept === undefined) return;
        if (kept.record.sealed !== undefined) {
          const { sealed: _, ...value } = kept.record;
          await writer.commit(batch, [{ kind: "put", table, key: batch, expectedRevision: "any", value }]);
          kept.record = value;
          this.#options.ended(batch);
        }
        await this.#sequences.clear(batch);
      };
      writer.behind("batch-end", serial.run(`batch/${batch}`, end));
    }
  }

  find(batch: string, kidContext: Uint8Array | undefined): EnrolmentKey | undefined {
    const kept = this.#open(batch);
    const hardware = kidContext && hardwareIdFrom(kidContext);
    if (kept?.record.sealed === undefined || kidContext === undefined || hardware === undefined) return undefined;
    if (kept.listed?.has(hardware) === false || !this.#mayDerive()) return undefined;
    const { box, derive } = this.#options;
    const key = box.open(fromBase64(kept.record.sealed), batchName(batch));
    const info = utf8.encode(batchInfo + hardware);
    const derived = derive(key, new Uint8Array(0), info, oscoreSecretBytes + oscoreSaltBytes);
    key.fill(0);
    return {
      ...{ kid: batch, id: batchDevice(batch, hardware), idContext: Uint8Array.from(kidContext) },
      secrets: {
        masterSecret: derived.subarray(0, oscoreSecretBytes),
        masterSalt: derived.subarray(oscoreSecretBytes),
      },
      // Contexts of batches come and go: what was received before isn't known.
      isFresh: false,
    };
  }

  lease(batch: string, hardware: string, count: number): Promise<number | undefined> {
    return this.#sequences.lease(batch, hardware, count, () => this.#batches.get(batch)?.record);
  }

  #mayDerive(): boolean {
    const nowMs = this.#options.clock.monotonicMs();
    if (nowMs - this.#secondAtMs >= 1000) {
      this.#secondAtMs = nowMs;
      this.#derived = 0;
    }
    this.#derived++;
    return this.#derived <= this.#options.limits.batchContextsPerSecond;
  }

  #open(batch: string): Kept | undefined {
    const kept = this.#batches.get(batch);
    return kept !== undefined && kept.record.expiresAtMs > this.#options.clock.wallMs() ? kept : undefined;
  }

  #keep(batch: string, record: BatchRecord): Kept {
    const kept: Kept = { record, listed: record.hardware && new Set(record.hardware), devices: 0 };
    this.#batches.set(batch, kept);
    return kept;
  }

  #view(batch: string, { record, listed, devices }: Kept): BatchView {
    const { model, limit, createdAtMs, createdBy, expiresAtMs } = record;
    const isExpired = expiresAtMs <= this.#options.clock.wallMs();
    const state = isExpired ? "expired" : devices >= limit ? "full" : "open";
    const list = listed === undefined ? {} : { listed: listed.size };
    return { batch, model, state, enrolled: devices, limit, ...list, createdAtMs, createdBy, expiresAtMs };
  }

  #deviceView(hardware: string, { node, issued, reopenedUntilMs }: BatchDeviceRecord): BatchDeviceView {
    const { credentials, clock } = this.#options;
    const isReopened = (reopenedUntilMs ?? 0) > clock.wallMs();
    const isThere = issued !== undefined && credentials.keyring.find(issued.kid) !== undefined;
    const isUsed = isThere && credentials.keyring.of(node)?.kid === issued.kid;
    const state = isReopened ? "reopened" : isUsed ? "used" : isThere ? "answered" : "ended";
    return {
      ...{ hardware, node, state },
      ...(issued !== undefined && { enrolledAtMs: issued.atMs }),
      ...(isReopened && reopenedUntilMs !== undefined && { reopenedUntilMs }),
    };
  }

  async *#rows(of: string, prefix = ""): AsyncGenerator<StoredRow> {
    for (let after = ""; ; ) {
      const page = await this.#options.storage.list(of, { prefix, after });
      yield* page;
      const last = page.at(-1);
      if (last === undefined) return;
      after = last.key;
    }
  }
}

interface Asked {
  readonly batch: string;
  readonly hardware: string;
  readonly node: string;
  readonly from: string;
}

/** What a batch's key is sealed about. */
function batchName(batch: string): string {
  return `batch:${batch}`;
}

function removal(from: string, key: string): Change {
  return { kind: "delete", table: from, key, expectedRevision: "any" };
}
