import type { SiteInvitation } from "../../../schemas/generated/types.ts";
import type { LinkState } from "../link/link-machine.ts";
import type { Asks } from "../model/asked-commands.ts";
import type { DayHistory } from "../model/day-history.ts";
import type { SiteState } from "../model/site-state.ts";
import type { HomeAddress } from "../pairing/home-address.ts";

/** Whether the browser can put the app on the home screen. manual: it can, but only from its own menu. */
export type InstallState = "insecure" | "manual" | "ready" | "installed";

/** Everything the views show. */
export interface AppState {
  /** Undefined until the phone joined a household. */
  readonly invitation: SiteInvitation | undefined;
  /** What the page's address brought: an invitation to another household than the present one, or a broken one. */
  readonly offered:
    | { readonly kind: "other"; readonly invitation: SiteInvitation }
    | { readonly kind: "broken" }
    | undefined;
  readonly homes: readonly HomeAddress[];
  readonly language: string | undefined;
  readonly link: LinkState;
  readonly site: SiteState;
  readonly asks: Asks;
  readonly history: DayHistory;
  readonly install: InstallState;
  /** Milliseconds since 1970; moves on once a second, which lets ages grow. */
  readonly now: number;
}
