import type { Clock } from "../../kernel/clock.ts";
import type { Storage } from "../ports/storage.ts";
import type { ActionQueues } from "./action-queues.ts";
import type { AlertService } from "./alert-service.ts";
import type { Actor } from "./api/registry.ts";
import type { AttemptBook } from "./attempt-book.ts";
import type { AttemptObserver } from "./attempt-observer.ts";
import type { AttemptService } from "./attempt-service.ts";
import type { ChildBook } from "./child-book.ts";
import type { CommandService } from "./command-service.ts";
import type { CredentialService } from "./credential-service.ts";
import type { EnvironmentService } from "./environment-service.ts";
import type { HealthObserver } from "./health-observer.ts";
import type { IntentBook } from "./intent-book.ts";
import type { LogTails } from "./log-tails.ts";
import type { ModeRelay } from "./mode-relay.ts";
import type { NodeLabelBook } from "./node-label-book.ts";
import type { NodeReactions } from "./node-reactions.ts";
import type { NodeReports } from "./node-reports.ts";
import type { StorageWriter } from "./storage-writer.ts";

export interface NodeEndingsOptions {
  readonly storage: Storage;
  readonly writer: StorageWriter;
  readonly clock: Clock;
  readonly book: AttemptBook;
  readonly intents: IntentBook;
  readonly queues: ActionQueues;
  readonly attempts: AttemptService;
  readonly commands: CommandService;
  readonly environments: EnvironmentService;
  readonly credentials: CredentialService;
  readonly observer: HealthObserver;
  readonly attemptObserver: AttemptObserver;
  readonly reports: NodeReports;
  readonly logs: LogTails;
  readonly modeRelay: ModeRelay;
  readonly alerts: AlertService;
  readonly reactions: NodeReactions;
  readonly children: ChildBook;
  readonly labels: NodeLabelBook;
}

/** Takes everything that is kept of a node away: the registration when it is removed, the trust when its keys are revoked. */
export class NodeEndings {
  readonly #options: NodeEndingsOptions;

  constructor(options: NodeEndingsOptions) {
    this.#options = options;
  }

  async removed(node: string, by: Actor): Promise<void> {
    const { storage, writer, clock, book, intents, queues, attempts, commands } = this.#options;
    const { environments, credentials, observer, attemptObserver, reports, logs } = this.#options;
    const { modeRelay, alerts, reactions, children } = this.#options;
    observer.forget(node);
    attemptObserver.forget(node);
    reports.forget(node);
    logs.forget(node);
    const open = book.openOf(node)?.record;
    if (open !== undefined) {
      await attempts.apply(open.id, { kind: "cancelled", reason: "node-removed", nowMs: clock.wallMs() });
    }
    await writer.commit(node, intents.removal(node));
    intents.forget(node);
    await attempts.forgetNode(node);
    await queues.forget(node);
    await commands.forget(node);
    await storage.trimTimeline(node, 1);
    modeRelay.forget(node);
    await environments.forget(node);
    // A node that left by itself, or that nobody heard for a month, may come back with the keys that it has.
    if (by.kind === "operator") {
      await credentials.forget(node, by);
      await this.#options.labels.forget(node);
    }
    const gateway = children.remove(node);
    if (gateway !== undefined) await environments.refreshAccount(gateway);
    alerts.forget(node);
    reactions.removed(node);
  }

  /** Its account at the broker goes with its session and its messages; what is observed on it was asked with the keys that are gone. */
  async revoked(node: string): Promise<void> {
    const { environments, observer, attemptObserver, children } = this.#options;
    for (const each of [node, ...children.of(node)]) {
      observer.forget(each);
      attemptObserver.forget(each);
    }
    await environments.forget(node);
  }
}
