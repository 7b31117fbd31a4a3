import type { Clock } from "../../kernel/clock.ts";
import type { Log } from "../../kernel/log.ts";
import type { StatusReport, UpdateAction } from "../../schemas/generated/types.ts";
import { encodeJson } from "../../schemas/wire/codec.ts";
import { nodeId } from "../../schemas/wire/node-id.ts";
import type { Topics } from "../../schemas/wire/topics.ts";
import { isEnded } from "../domain/attempt-machine.ts";
import type { Broker, OutgoingMessage } from "../ports/broker.ts";
import type { PresenceCounts, PresenceState } from "./api/registry.ts";
import type { AlertView, LiveEvent } from "./api/watching.ts";
import { appTimes } from "./app-limits.ts";
import type { AttemptRecord } from "./attempt-record.ts";

export interface MqttBridgeOptions {
  readonly broker: Broker;
  readonly clock: Clock;
  readonly log: Log;
  topics(): Topics;
  /** Messages that wait for the broker. */
  readonly capacity: number;
  /** The node speaks MQTT itself, so it needs no bridge. */
  usesBroker(node: string): boolean;
}

const percentStep = 5;
const statusEveryMs = 30_000;

/** Says on MQTT what the manager knows from CoAP: progress while a node has left the broker, nodes without MQTT, the fleet. */
export class MqttBridge {
  readonly #options: MqttBridgeOptions;
  readonly #progress = new Map<string, { atMs: number; percent: number; state: string }>();
  readonly #statusAtMs = new Map<string, number>();
  #waiting = 0;
  dropped = 0;

  constructor(options: MqttBridgeOptions) {
    this.#options = options;
  }

  /** At most once a second and at every 5 %; what the node said on MQTT itself isn't said again. */
  progressed(record: AttemptRecord, way: "coap" | "observed" | "mqtt" | undefined): void {
    if (way === "mqtt") return;
    const { clock } = this.#options;
    const { id, update, node, progress } = record;
    const { state, percent = 0, bytes, total, reason } = progress;
    const nowMs = clock.monotonicMs();
    const last = this.#progress.get(id);
    const isStep =
      last === undefined || last.state !== state || percent - last.percent >= percentStep || percent === 100;
    if (!isStep && nowMs - last.atMs < appTimes.bridgeProgressMs) return;
    if (last?.state === state && last.percent === percent && reason === undefined) return;
    if (isEnded(state)) this.#progress.delete(id);
    else this.#progress.set(id, { atMs: nowMs, percent, state });
    this.#publish({
      topic: this.#options.topics().of("update-progress", nodeId(node)),
      payload: JSON.stringify({ update, attempt: id, state, percent: progress.percent, bytes, total, error: reason }),
      qos: 1,
    });
  }

  /** Whether `reported` would say it: the time of silence is over. */
  wantsReport(node: string, nowMs: number): boolean {
    const saidAtMs = this.#statusAtMs.get(node);
    if (saidAtMs === undefined) return !this.#options.usesBroker(node);
    return nowMs - saidAtMs >= statusEveryMs;
  }

  /** For nodes that aren't on the broker. */
  reported(node: string, report: StatusReport): void {
    const { clock, topics } = this.#options;
    if (this.#options.usesBroker(node)) return;
    const nowMs = clock.monotonicMs();
    if (nowMs - (this.#statusAtMs.get(node) ?? Number.NEGATIVE_INFINITY) < statusEveryMs) return;
    if (this.#statusAtMs.size > 100_000) this.#statusAtMs.clear();
    this.#statusAtMs.set(node, nowMs);
    const { result: _, ...status } = report;
    this.#publish({
      topic: topics().of("status", nodeId(node)),
      payload: encodeJson("status-report", status),
      qos: 1,
      retain: true,
    });
  }

  presence(node: string, presence: PresenceState): void {
    if (this.#options.usesBroker(node) || presence === "unknown" || presence === "late") return;
    const topic = this.#options.topics().of("availability", nodeId(node));
    this.#publish({ topic, payload: presence, qos: 1, retain: true });
  }

  counts(counts: PresenceCounts): void {
    const topic = this.#options.topics().fleet("presence");
    this.#publish({ topic, payload: JSON.stringify(counts), retain: true });
  }

  alert(alert: AlertView, state: "raised" | "cleared"): void {
    const topic = this.#options.topics().fleet("alerts");
    this.#publish({ topic, payload: JSON.stringify({ ...alert, state }), qos: 1 });
  }

  rollout({ kind: _, ...state }: Extract<LiveEvent, { kind: "rollout" }>): void {
    const topic = this.#options.topics().fleet("rollouts", state.rollout);
    this.#publish({ topic, payload: JSON.stringify(state) });
  }

  /** Starts a maintenance update by MQTT. Rejects when the broker didn't take it. */
  async start(node: string, update: string, { uris, manifest }: UpdateAction): Promise<void> {
    const url = uris.find((uri) => uri.startsWith("http")) ?? uris[0];
    const payload = encodeJson("update-start", { update, ...(url && { url }), ...(manifest && { manifest }) });
    await this.#options.broker.publish({
      topic: this.#options.topics().of("update-start", nodeId(node)),
      payload,
      qos: 1,
    });
  }

  #publish(message: OutgoingMessage): void {
    if (this.#waiting >= this.#options.capacity) {
      this.dropped++;
      return;
    }
    this.#waiting++;
    this.#options.broker
      .publish(message)
      .catch((error: unknown) => {
        this.dropped++;
        this.#options.log.debug("bridge-publish-failed", { topic: message.topic, error });
      })
      .finally(() => {
        this.#waiting--;
      });
  }
}
