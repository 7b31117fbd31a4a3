import type { Log } from "../../kernel/log.ts";
import type { AttemptReport, CommandAnswer, StatusReport } from "../../schemas/generated/types.ts";
import { cborFormat, decode, jsonFormat } from "../../schemas/wire/codec.ts";
import { readSenml, senmlFormatOf } from "../../schemas/wire/senml.ts";
import type { Topics } from "../../schemas/wire/topics.ts";
import type { BrokerEvents, PublishedMessage } from "../ports/broker.ts";
import type { Telemetry } from "./api/node-data.ts";
import { telemetryPoints } from "./telemetry-points.ts";

export interface DataPlaneOptions {
  readonly telemetry: Telemetry;
  readonly log: Log;
  topics(): Topics;
  /** A message is a sighting; false: not registered. */
  sighted(node: string): boolean;
  isRegistered(node: string): boolean;
  reported(node: string, report: StatusReport): void;
  progressed(node: string, report: AttemptReport): void;
  answered(node: string, answer: CommandAnswer): void;
  happened(node: string, event: string): void;
  connection(node: string, state: "connected" | "disconnected" | "lost"): void;
}

const eventBytes = 1024;

/** Takes what nodes publish. One bad message never stops the others: it is counted, and passed. */
export class DataPlane implements BrokerEvents {
  readonly #options: DataPlaneOptions;
  readonly counters = { messages: 0, unregistered: 0, unreadable: 0, otherIdentity: 0 };

  constructor(options: DataPlaneOptions) {
    this.#options = options;
  }

  published(batch: readonly PublishedMessage[]): void {
    for (const message of batch) {
      this.counters.messages++;
      try {
        this.#take(message);
      } catch (error) {
        this.counters.unreadable++;
        this.#options.log.error("published-failed", { node: message.node, topic: message.topic, error });
      }
    }
  }

  connection(node: string, state: "connected" | "disconnected" | "lost"): void {
    this.#options.connection(node, state);
  }

  #take({ node, topic, payload, receivedWallMs, isWill = false }: PublishedMessage): void {
    const options = this.#options;
    const parsed = options.topics().parse(topic);
    if (parsed === undefined || parsed.kind === "fleet" || parsed.node !== node) {
      this.counters.unreadable++;
      return;
    }
    // A will says that the node is gone; taken for a sighting it would undo the suspicion that its loss has just raised.
    if (!(isWill ? options.isRegistered(node) : options.sighted(node))) {
      this.counters.unregistered++;
      return;
    }
    // A map's head in CBOR; JSON begins with a brace or white space.
    const format = (payload[0] ?? 0) >= 0x80 ? cborFormat : jsonFormat;
    switch (parsed.kind) {
      case "telemetry": {
        const senml = readSenml(payload, senmlFormatOf(payload), receivedWallMs);
        if (!senml.ok) options.telemetry.refused(node, `${senml.fault.code}: ${senml.fault.rule}`);
        else options.telemetry.ingest(node, telemetryPoints(node, senml.measurements, receivedWallMs));
        return;
      }
      case "status":
        this.#decoded(decode("status-report", payload, format), (report) => {
          if (report.id === undefined || report.id === node) options.reported(node, report);
          else this.#refuse(node, report.id);
        });
        return;
      case "update-progress":
        this.#decoded(decode("attempt-report", payload, format), (report) => options.progressed(node, report));
        return;
      case "command-answer":
        this.#decoded(decode("command-answer", payload, format), (answer) => options.answered(node, answer));
        return;
      case "event":
        if (payload.length > eventBytes) this.counters.unreadable++;
        else options.happened(node, new TextDecoder().decode(payload));
        return;
      // Connections tell the same, and can't be forged into retained messages.
      case "availability":
      case "update-start":
      case "command":
        return;
    }
  }

  /** A payload that claims another identity than its topic. */
  #refuse(node: string, claimed: string): void {
    this.counters.otherIdentity++;
    this.#options.log.warn("published-as-another", { node, claimed });
  }

  #decoded<Value>(
    result: { readonly ok: true; readonly value: Value } | { readonly ok: false },
    take: (value: Value) => void,
  ): void {
    if (result.ok) take(result.value);
    else this.counters.unreadable++;
  }
}
