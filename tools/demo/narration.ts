import type { LiveEvent } from "../../manager/app/api/watching.ts";
import type { Evidence } from "./evidence.ts";
import { fleet, schemeWords } from "./fleet.ts";
import type { Story } from "./story.ts";

type AttemptEvent = Extract<LiveEvent, { kind: "attempt" }>;

/**
 * Says in the timeline what the live events of the manager mean, and notes what they prove. What comes too often to be news, or
 * follows from what was just said, is left out.
 */
export class Narration {
  readonly #story: Story;
  readonly #evidence: Evidence;
  /** State of the attempt of each node that has one open. */
  readonly #attempts = new Map<string, string>();
  /** Who ended its connection to the broker by itself. */
  readonly #hasLeft = new Set<string>();
  readonly #ways = new Map<string, string>();

  constructor(story: Story, evidence: Evidence) {
    this.#story = story;
    this.#evidence = evidence;
  }

  take(event: LiveEvent): void {
    switch (event.kind) {
      case "registered":
        this.#registered(event.node, event.identity);
        break;
      case "observing":
        if (event.isObserving && this.#evidence.saw(event.node, "observed"))
          this.#story.tell(event.node, "the manager observes its /health");
        break;
      case "telemetry":
        this.#evidence.saw(event.node, "telemetry");
        break;
      case "broker":
        this.#broker(event.node, event.state);
        break;
      case "action":
        this.#action(event);
        break;
      case "fetch":
        this.#ways.set(event.node, event.way);
        this.#evidence.saw(event.node, `fetched by ${event.way}`);
        if (event.isResume) {
          this.#evidence.saw(event.node, "resumed");
          this.#story.tell(event.node, `download resumed at byte ${event.offset} over ${nameOf(event.way)}`, "good");
        }
        break;
      case "attempt":
        this.#attempt(event);
        break;
      case "alert":
        if (event.state === "raised") this.#story.tell(event.alert.node, `alert: ${event.alert.text}`, "bad");
        break;
      default:
        break;
    }
  }

  /** A program was ended from outside: its bar stands still, and is taken away. */
  poweredOff(node: string): void {
    this.#story.progressEnded(node);
  }

  #registered(node: string, identity: string): void {
    const isSecured = identity === "credential";
    if (isSecured) this.#evidence.saw(node, "secured");
    if (this.#evidence.saw(node, "registered")) {
      const member = fleet.find(({ id }) => id === node);
      const how = isSecured && member ? `over ${schemeWords[member.scheme]}` : "in the open";
      this.#story.tell(node, `registered with a CBOR manifest ${how}`, isSecured ? "good" : "bad");
    }
    // After the reboot of an update it does so on trial and once more confirmed, and the attempt tells both.
    else if (!["staged", "trial"].includes(this.#attempts.get(node) ?? "")) this.#story.tell(node, "registered again");
  }

  #broker(node: string, state: "connected" | "disconnected" | "lost"): void {
    if (state === "connected" && this.#evidence.saw(node, "connected"))
      this.#story.tell(node, "has read its environment: at the broker with the password that it got");
    if (state === "disconnected") this.#hasLeft.add(node);
    else this.#hasLeft.delete(node);
    this.#seeLeaving(node);
  }

  /** The broker and the attempt are told by two ways: either may be the first to say that it is away for its maintenance. */
  #seeLeaving(node: string): void {
    const isUpdating = ["offered", "accepted", "downloading"].includes(this.#attempts.get(node) ?? "");
    if (isUpdating && this.#hasLeft.has(node)) this.#evidence.saw(node, "left the broker");
  }

  #action({ node, what, state }: Extract<LiveEvent, { kind: "action" }>): void {
    if (what !== "update") return;
    if (state === "taken" && this.#evidence.saw(node, "told by call"))
      this.#story.tell(node, "told by a CoAP command: PUT /update on the node, 2.04", "good");
    if (state === "told" && this.#evidence.saw(node, "told by heartbeat"))
      this.#story.tell(node, "told at its heartbeat: 2.04 with the action", "good");
  }

  #attempt(event: AttemptEvent): void {
    const { node, state, reason } = event;
    const before = this.#attempts.get(node);
    this.#attempts.set(node, state);
    this.#seeLeaving(node);
    if (state === "downloading") {
      const { percent = 0, bytes = 0, total = 0 } = event;
      this.#story.progress(node, { percent, bytes, total, way: nameOf(this.#ways.get(node) ?? "") });
      return;
    }
    if (before === state) return;
    this.#story.progressEnded(node);
    if (state === "accepted") this.#story.tell(node, "has its update, and judges the signed manifest");
    else if (state === "verifying") this.#evidence.saw(node, "verified");
    else if (state === "staged") {
      // The manager may hear of both in one report.
      this.#evidence.saw(node, "verified");
      this.#story.tell(node, "the digest of the slot is right: staged, reboots into the new slot");
    } else if (state === "trial") {
      this.#evidence.saw(node, "trial");
      this.#story.tell(node, "registered again from the new slot, on trial: self-test");
    } else if (state === "succeeded") {
      this.#evidence.saw(node, "confirmed");
      this.#story.tell(node, "confirmed: the manager saw the new digest running", "good");
    } else if (state === "rolled-back") {
      this.#evidence.saw(node, "rolled back");
      this.#story.tell(node, `rolled back by itself, and says why: ${reason ?? "no reason"}`, "good");
    } else if (state !== "offered") this.#story.tell(node, `update: ${state}${reason ? ` (${reason})` : ""}`, "bad");
  }
}

function nameOf(way: string): string {
  return way === "http" ? "HTTPS" : way.toUpperCase().replace("COAP", "CoAP");
}
