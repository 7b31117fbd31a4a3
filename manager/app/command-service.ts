import type { Clock } from "../../kernel/clock.ts";
import type { Entropy } from "../../kernel/entropy.ts";
import type { Command } from "../../schemas/generated/types.ts";
import { instantToMs } from "../../schemas/wire/instant.ts";
import type { Finish, QueueEntry } from "../domain/action-queue.ts";
import type { Change, Storage } from "../ports/storage.ts";
import type { ActionQueues, QueueEnding } from "./action-queues.ts";
import type { Actor } from "./api/registry.ts";
import type { Commands, CommandView, SendOutcome } from "./api/steering.ts";
import { appTimes } from "./app-limits.ts";
import type { DesiredStateService } from "./desired-state.ts";
import type { KeyedSerial } from "./keyed-serial.ts";
import type { StorageWriter } from "./storage-writer.ts";

export interface CommandServiceOptions {
  readonly queues: ActionQueues;
  readonly desiredState: DesiredStateService;
  readonly storage: Storage;
  readonly writer: StorageWriter;
  readonly serial: KeyedSerial;
  readonly clock: Clock;
  readonly entropy: Entropy;
  /** Ended commands kept per node. */
  readonly history: number;
  isRegistered(node: string): boolean;
}

/** Ended commands, each under `<node>/<rev>`. */
const commandTable = "command";

export class CommandService implements Commands {
  readonly #options: CommandServiceOptions;

  constructor(options: CommandServiceOptions) {
    this.#options = options;
  }

  async send(node: string, command: Command, by: Actor): Promise<SendOutcome> {
    const { clock, entropy, desiredState, serial } = this.#options;
    if (!this.#options.isRegistered(node)) return { kind: "unknown-node" };
    if (command.command === "boot-previous") {
      return { kind: "forbidden", reason: "going back takes a signed manifest: `coxswain update boot-previous`" };
    }
    return await serial.run(`command/${node}`, async () => {
      const nowMs = clock.wallMs();
      const askedMs = command.expires === undefined ? undefined : instantToMs(command.expires);
      const expiresAtMs = askedMs ?? nowMs + appTimes.commandExpiresMs;
      const id = command.id ?? `c-${entropy.uint32().toString(16).padStart(8, "0")}`;
      // The same command again is answered as the first time: an operator may repeat what he has no answer to.
      const known = command.id === undefined ? undefined : await this.#find(node, id);
      if (known !== undefined) return { kind: "queued", id, rev: known.rev, expiresAtMs: known.expiresAtMs };
      const body = { kind: "command", command: command.command, id } as const;
      const entry = await desiredState.enqueue(node, body, by, { expiresAtMs });
      if (entry === undefined) return { kind: "queue-full" };
      return { kind: "queued", id, rev: entry.rev, expiresAtMs };
    });
  }

  async cancel(node: string, commandId: string, by: Actor): Promise<"cancelled" | "unknown-command" | "ended"> {
    const known = await this.#find(node, commandId);
    if (known === undefined) return "unknown-command";
    const outcome = await this.#options.desiredState.cancel(node, known.rev, by);
    return outcome === "cancelled" ? "cancelled" : "ended";
  }

  async list(node: string): Promise<readonly CommandView[]> {
    const queue = await this.#options.queues.read(node);
    const open = queue.entries.filter(({ body, state }) => body.kind === "command" && isLive(state)).map(openView);
    const ended = await this.#history(node);
    const shown = new Set(ended.map(({ id }) => id));
    return [...open.filter(({ id }) => !shown.has(id)).reverse(), ...ended];
  }

  /** What is kept of a command that ends: done, expired or cancelled. The node may still report on one that expired; the later word stays. */
  record(node: string, { entry, outcome, reason }: Finish, how: QueueEnding): readonly Change[] {
    if (entry.body.kind !== "command") return [];
    const isVoided = entry.state === "cancelled" || entry.state === "expired";
    // A node that passed over `none` has nothing to add.
    if (how === "finished" && isVoided && outcome === "unreported") return [];
    const value: CommandView = {
      ...openView(entry),
      state: how === "finished" ? outcome : how,
      ...(reason !== undefined && { reason }),
    };
    return [{ kind: "put", table: commandTable, key: keyOf(node, entry.rev), expectedRevision: "any", value }];
  }

  /** A command has ended: the oldest beyond the limit are forgotten. */
  ended(node: string): void {
    this.#options.writer.behind("command-history", this.#forgetExcess(node, this.#options.history));
  }

  async forget(node: string): Promise<void> {
    await this.#forgetExcess(node, 0);
  }

  async #forgetExcess(node: string, keep: number): Promise<void> {
    const { serial, writer, storage } = this.#options;
    await serial.run(`history/${node}`, async () => {
      const rows = await storage.list(commandTable, { prefix: `${node}/` });
      const excess = rows.slice(0, Math.max(rows.length - keep, 0));
      if (excess.length === 0) return;
      await writer.commit(
        node,
        excess.map(({ key }) => ({ kind: "delete", table: commandTable, key, expectedRevision: "any" })),
      );
    });
  }

  async #find(node: string, id: string): Promise<CommandView | undefined> {
    return (await this.list(node)).find((each) => each.id === id);
  }

  async #history(node: string): Promise<readonly CommandView[]> {
    const rows = await this.#options.storage.list(commandTable, { prefix: `${node}/` });
    return rows.map(({ value }) => value as CommandView).reverse();
  }
}

/** In the order of the revs. */
function keyOf(node: string, rev: number): string {
  return `${node}/${String(rev).padStart(10, "0")}`;
}

function isLive(state: QueueEntry["state"]): boolean {
  return state !== "settled";
}

function openView({ rev, body, state, createdAtMs, expiresAtMs, by }: QueueEntry): CommandView {
  return {
    id: body.kind === "command" ? body.id : "",
    rev,
    command: body.kind === "command" ? body.command : body.kind,
    state: state === "settled" ? "done" : state,
    createdAtMs,
    expiresAtMs: expiresAtMs ?? 0,
    by,
  };
}
