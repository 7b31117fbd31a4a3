import type { Clock, Timer } from "../../kernel/clock.ts";
import type { SiteUpdateTrigger, UpdateAction } from "../../schemas/generated/types.ts";
import type { HardwareNumber, SiteId, SiteTopics } from "../../schemas/wire/site-topics.ts";
import { instantOf } from "../domain/local-time.ts";
import { noProgress, type PackUpdateNews, siteUpdateStatus, withNews } from "../domain/update-progress.ts";
import type { SitePacks } from "../ports/site-packs.ts";
import type { SitePublisher } from "./site-publisher.ts";
import type { SiteAnswer } from "./site-requests.ts";

/** What the manager says to a pack's wish for an update. */
export type WishAnswer =
  /** Or the pack runs it already. */
  | { readonly kind: "begun" }
  | { readonly kind: "wait"; readonly reason: string }
  | { readonly kind: "refused"; readonly reason: string };

export interface HouseholdUpdatesOptions {
  readonly site: SiteId;
  readonly topics: SiteTopics;
  readonly publisher: Pick<SitePublisher, "retain">;
  readonly packs: SitePacks;
  readonly clock: Clock;
  isTimeValid(): boolean;
  /** Whose turn it is. */
  current(): HardwareNumber | undefined;
  /** Asks the manager to let the pack have the update. Never rejects. */
  wish(pack: HardwareNumber, update: string): Promise<WishAnswer>;
  /** Ends the update of the pack where it stands. */
  stop(pack: HardwareNumber): void;
}

/** Between two of its documents. */
const saidEveryMs = 1_000;
const maxReason = 96;

/** Updates of packs as the household sees and asks for them: what the manager allows, no more. */
export class HouseholdUpdates {
  readonly #options: HouseholdUpdatesOptions;
  #progress = noProgress;
  #timer: Timer | undefined;

  constructor(options: HouseholdUpdatesOptions) {
    this.#options = options;
  }

  start(): void {
    this.#say();
  }

  stop(): void {
    this.#timer?.cancel();
  }

  told(pack: HardwareNumber, action: UpdateAction, news: PackUpdateNews): void {
    this.#progress = withNews(this.#progress, pack, action, news);
    this.#timer ??= this.#options.clock.after(saidEveryMs, () => {
      this.#timer = undefined;
      this.#say();
    });
  }

  /** What somebody of the household asks for. `done`: it is under way with each pack that was named, or waits for its turn. */
  async trigger({ stop, update, nodes }: SiteUpdateTrigger): Promise<SiteAnswer> {
    const { packs, wish } = this.#options;
    const named = nodes as readonly HardwareNumber[] | undefined;
    const missing = named?.find((each) => packs.find(each) === undefined);
    if (missing !== undefined) return { outcome: "invalid", reason: `There is no pack ${missing}.` };
    const wanted = named ?? packs.list();
    if (stop === true) {
      for (const pack of wanted) this.#options.stop(pack);
      return { outcome: "done" };
    }
    const which = update ?? this.#progress.available?.update;
    if (which === undefined) {
      return { outcome: "invalid", reason: "Say which update: none was offered to this household yet." };
    }
    if (wanted.length === 0) return { outcome: "not-sent", reason: "There is no pack." };
    const answers = await Promise.all(wanted.map((pack) => wish(pack, which)));
    const bad = answers.find((answer) => answer.kind !== "begun");
    if (bad === undefined) return { outcome: "done" };
    return { outcome: bad.kind === "wait" ? "not-sent" : "refused", reason: bad.reason.slice(0, maxReason) };
  }

  #say(): void {
    const { site, topics, publisher, clock, current, isTimeValid } = this.#options;
    publisher.retain(topics.ofSite("update-status", site), "site-update-status", {
      ...siteUpdateStatus(this.#progress, current()),
      ...(isTimeValid() && { time: instantOf(clock.wallMs()) }),
    });
  }
}
