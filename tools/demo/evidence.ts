import type { Member } from "./fleet.ts";

/** What can be seen of a node from outside, and the sentence for one of whom it was never seen. */
const absences = {
  registered: "never registered",
  secured: "never proved who it is: it registered in the open",
  connected: "never connected to the broker with the credentials of its environment",
  observed: "never had its /health observed by the manager",
  telemetry: "never sent telemetry",
  "told by call": "was never told of its update by a CoAP command",
  "told by mqtt": "was never told of its update by MQTT",
  "told by heartbeat": "was never told of its update at a heartbeat (2.04 with an action)",
  maintenance: "never left a retained availability `maintenance` at the broker",
  "left the broker": "never left the broker by a clean DISCONNECT for its maintenance",
  "frozen display": "never showed a display that stands still at `Updating...` while it downloads",
  "fetched by http": "never fetched its image by HTTP",
  "fetched by coap": "never fetched its image by CoAP Block2",
  resumed: "never resumed its download after the cut",
  verified: "never said that it checks the digest of its slot",
  trial: "never registered again with the new image on trial",
  confirmed: "never ran the new digest confirmed",
  "rolled back": "never went back to its old image by itself",
} as const;

export type Fact = keyof typeof absences;

/** Collects, for each node, what the manager, the broker and a look at the display showed. */
export class Evidence {
  readonly #facts = new Map<string, Set<Fact>>();

  /** True when it is news. */
  saw(node: string, fact: Fact): boolean {
    const facts = this.#facts.get(node) ?? new Set();
    this.#facts.set(node, facts);
    const isNews = !facts.has(fact);
    facts.add(fact);
    return isNews;
  }

  has(node: string, fact: Fact): boolean {
    return this.#facts.get(node)?.has(fact) === true;
  }

  /** One sentence for each step of the job that wasn't seen. */
  missing(fleet: readonly Member[]): readonly string[] {
    return fleet.flatMap((member) =>
      expected(member)
        .filter((alternatives) => !alternatives.some((fact) => this.has(member.id, fact)))
        .map(([fact]) => `${member.id} ${absences[fact]}`),
    );
  }
}

/** What must be seen of one node; of each list one. */
function expected({ prefer, profile, told, isCut, isBroken }: Member): readonly (readonly [Fact, ...Fact[]])[] {
  return [
    ["registered"],
    ["secured"],
    ["connected"],
    ["observed"],
    ["telemetry"],
    // A heartbeat may come between the operator's start and the call, and bring the same.
    told === "call" ? ["told by call", "told by heartbeat"] : [`told by ${told}`],
    // Who hears of it at its first heartbeat has no connection to the broker yet that could end.
    ...(told === "heartbeat" ? [] : [["maintenance"] as const, ["left the broker"] as const]),
    // A machine without a display has none to freeze.
    ...(profile === "sensor" ? [["frozen display"] as const] : []),
    [`fetched by ${prefer}`],
    ...(isCut ? [["resumed"] as const] : []),
    ["verified"],
    ["trial"],
    [isBroken ? "rolled back" : "confirmed"],
  ];
}
