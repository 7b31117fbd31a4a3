import type { Clock } from "../../kernel/clock.ts";
import { isChildOf } from "../../schemas/wire/node-id.ts";
import type { NodePath } from "../ports/node-caller.ts";
import type { Storage } from "../ports/storage.ts";
import type {
  Actor,
  NodePage,
  NodeQuery,
  NodeView,
  NodeWalk,
  NodeWalkQuery,
  PresenceCounts,
  RegisterInput,
  RegisterOutcome,
  Registry,
} from "./api/registry.ts";
import type { AuditTrail } from "./audit-trail.ts";
import { type FleetTable, type NodeRow, nodeFlags } from "./fleet-table.ts";
import type { KeyedSerial } from "./keyed-serial.ts";
import type { LiveEventBus } from "./live-event-bus.ts";
import { type NodeRecord, nodeTable } from "./node-record.ts";
import { NodeSearch } from "./node-search.ts";
import type { NodeTimeline } from "./node-timeline.ts";
import type { PresenceWatch } from "./presence-watch.ts";
import { rdPart } from "./rd-part.ts";
import type { StorageWriter } from "./storage-writer.ts";

export interface NodeRegistryOptions {
  readonly fleet: FleetTable;
  readonly presence: PresenceWatch;
  readonly storage: Storage;
  readonly writer: StorageWriter;
  readonly serial: KeyedSerial;
  readonly timeline: NodeTimeline;
  readonly audit: AuditTrail;
  readonly bus: LiveEventBus;
  readonly clock: Clock;
  readonly observedNodes: number;
  lifetimes(): { readonly pollSeconds: number; readonly default: number; readonly min: number; readonly max: number };
  /** Adds what other services know of a node. */
  view(node: string, record: NodeRecord, row: NodeRow): NodeView;
  /** Highest rev that waits for the node; 0: none. */
  waitingRev(node: string): number;
  /** After the receipt and before the answer. A rejection is the registration's: it is idempotent, the node tries again. */
  registered(node: string, record: NodeRecord): Promise<void>;
  removed(node: string, by: Actor): Promise<void>;
  /** Children that the gateway was heard to speak for. */
  children(gateway: string): readonly string[];
  /** A stored child of a gateway, at load. */
  hasChild(gateway: string, child: string): void;
  /** Its address is another node's now: nothing may be asked of it until it is heard. */
  lostPath(node: string): void;
  /** An uplink of a node whose observation waits for one. */
  rearm(node: string, row: NodeRow): void;
}

/** RFC 9176 section 5: the lifetime of a registration without `lt` at /rd. */
const rdLifetimeSeconds = 90_000;
const maxAttempts = 5;
/** Children of one gateway: a node that invents some, or is told of some by its bus, leaves room for others. */
export const childrenOfGateway = 1024;

export class NodeRegistry implements Registry {
  readonly #options: NodeRegistryOptions;
  readonly #search: NodeSearch;

  constructor(options: NodeRegistryOptions) {
    this.#options = options;
    this.#search = new NodeSearch(options);
  }

  /** Every stored registration gets a row; its presence is unknown until it is heard. */
  async load(): Promise<void> {
    const children: [string, string][] = [];
    const renewedAtMs = new Float64Array(this.#options.fleet.rows.capacity);
    for (let after = ""; ; ) {
      const page = await this.#options.storage.list(nodeTable, { after });
      for (const { key, value } of page) {
        const record = value as NodeRecord;
        // Of two that were stored with one path, it is the one's who came there last.
        const holder = record.gateway === undefined ? this.#options.fleet.holder(record.path) : -1;
        const isTaken = holder !== -1 && renewedAtMs[holder]! > record.renewedAtMs;
        const row = this.#enter(key, isTaken ? { ...record, path: { ...record.path, port: 0 } } : record);
        if (row !== -1) renewedAtMs[row] = record.renewedAtMs;
        if (record.gateway !== undefined) children.push([key, record.gateway]);
      }
      const last = page.at(-1);
      if (last === undefined) break;
      after = last.key;
    }
    // A gateway may sort after its children.
    const { fleet } = this.#options;
    for (const [child, gateway] of children) {
      const row = fleet.find(child);
      if (row !== -1) fleet.rows.columns.gateway[row] = fleet.find(gateway) + 1;
      this.#options.hasChild(gateway, child);
    }
  }

  register(input: RegisterInput): Promise<RegisterOutcome> {
    return this.#options.serial.run(`node/${input.manifest.id}`, () => this.#register(input));
  }

  async #register(input: RegisterInput): Promise<RegisterOutcome> {
    const { fleet, storage, timeline, writer, bus } = this.#options;
    const node = input.manifest.id;
    const refusal = this.#refusal(input);
    if (refusal !== undefined) return refusal;

    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      const row = fleet.find(node);
      if (row === -1 && fleet.rows.isFull) {
        return { kind: "refused", reason: "full", message: `${fleet.rows.capacity} nodes are registered, the limit.` };
      }
      const { parent } = input.manifest;
      if (row === -1 && parent !== undefined && this.#options.children(parent).length >= childrenOfGateway) {
        return { kind: "refused", reason: "full", message: `${parent} has ${childrenOfGateway} children, the limit.` };
      }
      const before = await storage.get(nodeTable, node);
      const known = before?.value as NodeRecord | undefined;
      const conflict = rdConflict(input, known);
      if (conflict !== undefined) return conflict;
      const record = this.#recordOf(input, known);
      const what = known === undefined ? "registered" : "registered-again";
      const results = await writer.commit(node, [
        { kind: "put", table: nodeTable, key: node, expectedRevision: before?.revision ?? 0, value: record },
        timeline.change(node, what, timelineData(input), 0),
      ]);
      const [written] = results;
      if (written?.kind !== "written") continue;
      const isNew = known === undefined;
      const entered = this.#enter(node, record);
      if (entered === -1) {
        // Other registrations took the last rows while this one was written.
        await writer.commit(node, [
          { kind: "delete", table: nodeTable, key: node, expectedRevision: written.revision },
        ]);
        return { kind: "refused", reason: "full", message: `${fleet.rows.capacity} nodes are registered, the limit.` };
      }
      this.#options.presence.heard(entered, this.#options.clock.monotonicMs());
      bus.emit({ kind: "registered", node, isNew, identity: record.identity });
      await this.#options.registered(node, record);
      const answer = {
        id: input.manifest.id,
        lifetime: record.lifetimeSeconds,
        poll: record.pollSeconds,
        rev: this.#options.waitingRev(node),
      };
      return { kind: isNew ? "created" : "renewed", node, answer };
    }
    throw new Error(
      `The registration of ${node} lost ${maxAttempts} races in storage; something else writes it all the time.`,
    );
  }

  heard(node: string, path?: NodePath, nowMs = this.#options.clock.monotonicMs()): boolean {
    const { fleet } = this.#options;
    const row = fleet.find(node);
    if (row === -1) return false;
    const { heardAtMs, lifetimeSeconds, flags } = fleet.rows.columns;
    const bits = flags[row]!;
    if ((bits & nodeFlags.heard) !== 0 && nowMs - heardAtMs[row]! > lifetimeSeconds[row]! * 1000) return false;
    this.#options.presence.heard(row, nowMs);
    if (path !== undefined && !fleet.isAt(row, path)) {
      this.#claim(row, path, fleet.gateway(row) !== -1);
      fleet.set(row, nodeFlags.awaitsObservation, true);
    }
    const isCallable = fleet.rows.columns.port[row] !== 0 || fleet.gateway(row) !== -1;
    if (isCallable && (flags[row]! & nodeFlags.awaitsObservation) !== 0) this.#options.rearm(node, row);
    return true;
  }

  isRegistered(node: string): boolean {
    return this.#options.fleet.find(node) !== -1;
  }

  contentFormat(node: string): 50 | 60 | undefined {
    const row = this.#options.fleet.find(node);
    if (row === -1) return undefined;
    return this.#options.fleet.has(row, nodeFlags.speaksCbor) ? 60 : 50;
  }

  async find(node: string): Promise<NodeView | undefined> {
    const row = this.#options.fleet.find(node);
    if (row === -1) return undefined;
    const stored = await this.#options.storage.get(nodeTable, node);
    if (stored === undefined || this.#options.fleet.find(node) !== row) return undefined;
    return this.#options.view(node, stored.value as NodeRecord, row);
  }

  list(query?: NodeQuery): Promise<NodePage> {
    return this.#search.list(query);
  }

  walk(query?: NodeWalkQuery): Promise<NodeWalk> {
    return this.#search.walk(query);
  }

  counts(within?: (node: string) => boolean): PresenceCounts {
    return this.#options.presence.counts(within);
  }

  remove(node: string, by: Actor): Promise<"removed" | "unknown-node"> {
    const { fleet, storage, serial, writer, timeline, bus, presence } = this.#options;
    return serial.run(`node/${node}`, async () => {
      if (fleet.find(node) === -1) return "unknown-node";
      const { manifest, identity, gateway } = ((await storage.get(nodeTable, node))?.value ??
        {}) as Partial<NodeRecord>;
      const before = { model: manifest?.model, identity, gateway };
      await writer.commit(node, [
        { kind: "delete", table: nodeTable, key: node, expectedRevision: "any" },
        timeline.change(node, "removed", { by: by.id }),
        this.#options.audit.change({ what: "node-removed", actor: by, subject: `node/${node}`, before }, 0),
      ]);
      const row = fleet.find(node);
      if (row !== -1) {
        presence.removing(row);
        fleet.dropGateway(row);
        fleet.leavePath(row);
        fleet.rows.removeRow(row);
      }
      await this.#options.removed(node, by);
      bus.emit({ kind: "removed", node });
      return "removed";
    });
  }

  #refusal({ manifest, gateway }: RegisterInput): RegisterOutcome | undefined {
    const { id, parent } = manifest;
    if (parent === undefined) return undefined;
    if (gateway !== undefined && gateway !== parent) {
      return {
        kind: "refused",
        reason: "child-id",
        message: `${gateway} speaks for its own children, not for ${parent}'s.`,
      };
    }
    if (!isChildOf(id, parent)) {
      return {
        kind: "refused",
        reason: "child-id",
        message: `A child of ${parent} is named ${parent}.<hardware number in lower-case hex>, not ${id}.`,
      };
    }
    if (this.#options.fleet.find(parent) === -1) {
      return { kind: "refused", reason: "unknown-gateway", message: `The gateway ${parent} isn't registered.` };
    }
    return undefined;
  }

  #recordOf(input: RegisterInput, known: NodeRecord | undefined): NodeRecord {
    const { clock, fleet, observedNodes } = this.#options;
    const limits = this.#options.lifetimes();
    const nowMs = clock.wallMs();
    const isByDirectory = input.face === "rd";
    const manifest = isByDirectory && known !== undefined ? known.manifest : { model: "unknown", ...input.manifest };
    const gateway = input.gateway ?? manifest.parent;
    const rd = rdPart(input, known?.rd);
    return {
      manifest,
      identity: input.identity,
      face: input.face,
      path: { address: input.path.address, port: input.path.port, family: input.path.family },
      contentFormat: (isByDirectory ? known?.contentFormat : input.contentFormat) === 60 ? 60 : 50,
      registeredAtMs: known?.registeredAtMs ?? nowMs,
      renewedAtMs: nowMs,
      lifetimeSeconds: isByDirectory
        ? (input.lifetimeSeconds ??
          (input.isRdUpdate === true ? known?.lifetimeSeconds : undefined) ??
          rdLifetimeSeconds)
        : Math.min(Math.max(Math.floor(input.lifetimeSeconds ?? limits.default), limits.min), limits.max),
      pollSeconds: limits.pollSeconds,
      livesByObservation:
        input.face === "register" && input.manifest.sleepy !== true && fleet.rows.size <= observedNodes,
      ...(gateway !== undefined && { gateway }),
      ...(rd !== undefined && { rd }),
    };
  }

  #enter(node: string, record: NodeRecord): NodeRow {
    const { fleet, presence } = this.#options;
    const isNew = fleet.find(node) === -1;
    const row = fleet.rows.insert(node);
    if (row === -1) return row;
    const { columns } = fleet.rows;
    columns.pollSeconds[row] = record.pollSeconds;
    columns.lifetimeSeconds[row] = record.lifetimeSeconds;
    columns.gateway[row] = record.gateway === undefined ? 0 : fleet.find(record.gateway) + 1;
    // Of a gateway that was removed and is back: its children stayed.
    if (isNew) {
      for (const child of this.#options.children(node)) {
        const childRow = fleet.find(child);
        if (childRow !== -1) columns.gateway[childRow] = row + 1;
      }
    }
    this.#claim(row, record.path, record.gateway !== undefined);
    fleet.set(row, nodeFlags.sleepy, record.manifest.sleepy === true);
    fleet.set(row, nodeFlags.speaksCbor, record.contentFormat === 60);
    fleet.set(row, nodeFlags.speaksTls, record.manifest.caps?.includes("tls") === true);
    fleet.set(row, nodeFlags.isSecured, record.identity === "credential");
    fleet.set(row, nodeFlags.livesByObservation, record.livesByObservation);
    fleet.set(row, nodeFlags.awaitsObservation, record.livesByObservation);
    fleet.set(row, nodeFlags.registeredSimply, record.rd?.isSimple === true);
    presence.added(row, isNew);
    return row;
  }

  /** An address that changed hands (DHCP, NAT): what is meant for the node before must not reach the one that is there now. */
  #claim(row: NodeRow, path: NodePath, isChild: boolean): void {
    const { fleet } = this.#options;
    const before = isChild || path.port === 0 ? -1 : fleet.holder(path);
    if (before !== -1 && before !== row) {
      fleet.leavePath(before);
      const node = fleet.rows.keyOf(before);
      if (node !== undefined) this.#options.lostPath(node);
      fleet.set(before, nodeFlags.awaitsObservation, fleet.has(before, nodeFlags.livesByObservation));
    }
    fleet.movePath(row, path, isChild);
  }
}

/** Why a registration at the directory can't be; looked at in the same step that writes it. */
function rdConflict(input: RegisterInput, known: NodeRecord | undefined): RegisterOutcome | undefined {
  const { id } = input.manifest;
  if (input.isRdUpdate === true && known === undefined) {
    return { kind: "refused", reason: "unknown-registration", message: `${id} isn't registered.` };
  }
  // RFC 9176 section 5: the same name in another sector is another registration, and a node has one.
  if (input.rd === undefined || known?.rd === undefined || input.isRdUpdate === true) return undefined;
  if (input.rd.sector === known.rd.sector) return undefined;
  const { sector = "" } = known.rd;
  return { kind: "refused", reason: "other-sector", message: `${id} is in sector "${sector}"; remove it there first.` };
}

function timelineData({ manifest }: RegisterInput): Record<string, unknown> {
  const { version, digest, bootReason, rolledBack } = manifest;
  return { version, digest, bootReason, rolledBack };
}
