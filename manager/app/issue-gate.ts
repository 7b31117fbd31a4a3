import type { Entropy } from "../../kernel/entropy.ts";
import { defineFaults } from "../../kernel/fault.ts";
import { kidFor } from "../domain/node-credential.ts";
import { CallLimiter } from "./call-limiter.ts";
import type { CredentialTable } from "./credential-table.ts";

export const issueFaults = defineFaults({
  "credentials.busy": {
    fault: "caller",
    message: "More keys are being issued than the manager takes at a time, so these weren't. Ask again in a moment.",
  },
});

export interface IssueGateOptions {
  readonly table: Pick<CredentialTable, "find" | "has" | "nodes" | "capacity">;
  readonly entropy: Entropy;
  /** Issues that run side by side: few enough that storage waits for more between them, and the process hears everybody else. */
  readonly atOnce: number;
  /** Issues that wait for their turn. */
  readonly maxWaiting: number;
}

/** Tries to find a kid that is free among the node's partition's. */
const maxDraws = 64;

/** Lets issues through at the rate at which they are written, and keeps what each is about to take from all others: its kid, and the node's place. */
export class IssueGate {
  readonly #table: IssueGateOptions["table"];
  readonly #entropy: Entropy;
  readonly #calls: CallLimiter;
  readonly #kids = new Set<number>();
  #places = 0;

  constructor({ table, entropy, atOnce, maxWaiting }: IssueGateOptions) {
    this.#table = table;
    this.#entropy = entropy;
    this.#calls = new CallLimiter({ atOnce, maxWaiting });
  }

  /** Calls `issue` with a kid that is nobody else's, in its turn; undefined: there is no room. Rejects with `credentials.busy` when too many wait. */
  async run<Result>(node: string, issue: (kid: number) => Promise<Result>): Promise<Result | undefined> {
    const passed = await this.#calls.run(async () => ({ result: await this.#holding(node, issue) }));
    if (passed === undefined) throw issueFaults("credentials.busy", {});
    return passed.result;
  }

  async #holding<Result>(node: string, issue: (kid: number) => Promise<Result>): Promise<Result | undefined> {
    const kid = this.#freeKid(node);
    const places = this.#table.has(node) ? 0 : 1;
    if (kid === undefined || (places > 0 && this.#table.nodes + this.#places >= this.#table.capacity)) return undefined;
    this.#kids.add(kid);
    this.#places += places;
    try {
      return await issue(kid);
    } finally {
      this.#kids.delete(kid);
      this.#places -= places;
    }
  }

  #freeKid(node: string): number | undefined {
    for (let draw = 0; draw < maxDraws; draw++) {
      const kid = kidFor(node, this.#entropy.uint32());
      if (kid !== 0 && this.#table.find(kid) === -1 && !this.#kids.has(kid)) return kid;
    }
    return undefined;
  }
}
