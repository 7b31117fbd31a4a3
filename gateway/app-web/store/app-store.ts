import type { SiteInvitation } from "../../../schemas/generated/types.ts";
import { type SiteSample, sampleOf } from "../../../schemas/wire/site-sample.ts";
import { type SiteId, SiteTopics } from "../../../schemas/wire/site-topics.ts";
import { phoneUser } from "../../../schemas/wire/site-users.ts";
import { askableBases } from "../link/ask-home.ts";
import { stoppedLink } from "../link/link-machine.ts";
import { SiteLink } from "../link/site-link.ts";
import { ageAsks, ask, cutOff, dismiss, takeAck } from "../model/asked-commands.ts";
import { addSample, emptyHistory, withGatewayDay } from "../model/day-history.ts";
import { readMessage } from "../model/site-message.ts";
import { emptySite } from "../model/site-state.ts";
import { countGarbage, forget, restoreSite, takeMessage } from "../model/take-message.ts";
import type { HomeAddress } from "../pairing/home-address.ts";
import { readKeptPhone } from "../pairing/kept-phone.ts";
import { HistoryStore } from "../storage/history-store.ts";
import { dropKept, keep, readKept } from "../storage/kept.ts";
import type { AppState, InstallState } from "./app-state.ts";
import { requestMessage, type SiteRequest } from "./site-request.ts";

/** What stays on the phone: who it is, and what it saw last. */
const keptNames = { phone: "alfaspark-phone", values: "alfaspark-values" } as const;
const keepEveryMs = 5_000;

/** Of the values' shape: what another version kept is forgotten. */
const valuesVersion = 1;

/** The app's one state, changed by messages, by the connection, by time and by people; views draw what it is. */
export class AppStore {
  readonly #topics = new SiteTopics();
  readonly #onChange: (state: AppState) => void;
  readonly #claim: () => void;
  #state: AppState;
  #link: SiteLink | undefined;
  #historyStore: HistoryStore | undefined;
  #keptAt = 0;
  #hasNews = false;

  /** `claim` tells other windows of this phone that the connection is this one's now. */
  constructor(options: {
    readonly onChange: (state: AppState) => void;
    readonly claim: () => void;
    readonly install: InstallState;
  }) {
    this.#onChange = options.onChange;
    this.#claim = options.claim;
    const phone = readKeptPhone(readKept(keptNames.phone));
    this.#state = {
      invitation: phone?.invitation,
      offered: undefined,
      homes: phone?.homes ?? [],
      language: phone?.language,
      link: stoppedLink,
      site: phone?.invitation === undefined ? emptySite : this.#readValues(phone.invitation.site),
      asks: {},
      history: emptyHistory,
      install: options.install,
      now: Date.now(),
    };
  }

  get state(): AppState {
    return this.#state;
  }

  /** Connects, if the phone belongs to a household and isn't connected yet: two links with one client id would throw each other out. */
  start(): void {
    const { invitation } = this.#state;
    if (invitation === undefined || this.#link !== undefined) return;
    this.#claim();
    this.#openHistory(invitation.site);
    const site = invitation.site as SiteId;
    const user = phoneUser(site, invitation.phone);
    const link: SiteLink = new SiteLink({
      site,
      clientId: user,
      filters: this.#topics.fromGateway(site),
      server: invitation.server,
      homes: () =>
        askableBases([...new Set([location.origin, ...this.#state.homes.map(({ base }) => base)])], location.protocol),
      credentials: (place) => ({
        user,
        password: (place === "home" ? invitation.homePassword : invitation.serverPassword) ?? "",
      }),
      onState: (state) => {
        // A link that was replaced has nothing to say any more.
        if (this.#link !== link) return;
        const wasConnected = this.#state.link.phase === "connected";
        const asks = wasConnected && state.phase !== "connected" ? cutOff(this.#state.asks) : this.#state.asks;
        this.#set({ link: state, asks });
      },
      onMessage: (topic, payload, isRetained) => this.#take(topic, payload, isRetained),
    });
    this.#link = link;
    link.start();
  }

  /** Another window of this phone has the connection now: with one client id, two would throw each other out for ever. */
  giveWay(): void {
    this.#stop();
    this.#set({ link: stoppedLink, asks: cutOff(this.#state.asks) });
  }

  /** Once a second: ages grow, deadlines pass. */
  tick(): void {
    const now = Date.now();
    this.#set({ now, asks: ageAsks(this.#state.asks, now) });
    if (now - this.#keptAt >= keepEveryMs) this.keepValues();
  }

  /** Writes what was seen last; also when the page may be put away. */
  keepValues(): void {
    const { invitation, site } = this.#state;
    this.#keptAt = Date.now();
    if (!this.#hasNews || invitation === undefined) return;
    this.#hasNews = !keep(keptNames.values, { version: valuesVersion, of: invitation.site, site });
  }

  /** Somebody uses this window, or asks for it: a window that gave way takes the connection back, any other looks for home. */
  wake(): void {
    if (this.#link === undefined) this.start();
    else this.#link.lookAgain();
  }

  /** The phone's network changed. */
  lookAgain(): void {
    this.#link?.lookAgain();
  }

  request(control: string, request: SiteRequest, expected: readonly string[], wanted?: boolean): string {
    const id = randomId();
    const isConnected = this.#state.link.phase === "connected";
    const now = Date.now();
    const asked = { id, control, expected, at: now, ...(wanted === undefined ? {} : { wanted }) };
    this.#set({ now, asks: ask(this.#state.asks, asked, isConnected) });
    const { invitation } = this.#state;
    if (!isConnected || invitation === undefined) return id;
    const { topic, payload } = requestMessage(this.#topics, invitation.site as SiteId, request, id);
    // A publish that breaks with its connection is cut off, as its ask says by then.
    this.#link?.publish(topic, payload).catch(() => this.#set({ asks: cutOff(this.#state.asks) }));
    return id;
  }

  dismiss(control: string): void {
    this.#set({ asks: dismiss(this.#state.asks, control) });
  }

  offer(offered: AppState["offered"]): void {
    this.#set({ offered });
  }

  /** Joins a household, leaving another one; a new invitation to the same one keeps addresses and values. */
  join(invitation: SiteInvitation): void {
    const { invitation: old, homes } = this.#state;
    if (old !== undefined && old.site !== invitation.site) this.forget();
    const kept = old?.site === invitation.site ? homes : [];
    const added = (invitation.home ?? []).filter((base) => !kept.some((each) => each.base === base));
    this.#stop();
    this.#set({ invitation, offered: undefined, homes: [...added.map((base) => ({ label: "", base })), ...kept] });
    this.#keepPhone();
    this.start();
  }

  /** Leaves the household and forgets all of it. */
  forget(): void {
    this.#stop();
    dropKept(keptNames.phone);
    dropKept(keptNames.values);
    void this.#historyStore?.drop();
    this.#historyStore = undefined;
    this.#set({
      invitation: undefined,
      homes: [],
      link: stoppedLink,
      site: emptySite,
      asks: {},
      history: emptyHistory,
    });
  }

  setHomes(homes: readonly HomeAddress[]): void {
    this.#set({ homes });
    this.#keepPhone();
    this.lookAgain();
  }

  setLanguage(language: string): void {
    this.#set({ language });
    this.#keepPhone();
  }

  setInstall(install: InstallState): void {
    this.#set({ install });
  }

  #stop(): void {
    const link = this.#link;
    this.#link = undefined;
    link?.stop();
  }

  #take(topic: string, payload: Uint8Array, isRetained: boolean): void {
    const { invitation, site } = this.#state;
    if (invitation === undefined) return;
    const at = Date.now();
    const message = readMessage(this.#topics, invitation.site, topic, payload);
    this.#hasNews = true;
    if (message === undefined) {
      this.#set({ site: countGarbage(site) });
    } else if (message.kind === "forgotten") {
      this.#set({ site: forget(site, message.topic) });
    } else if (message.kind === "ack") {
      this.#set({ asks: takeAck(this.#state.asks, message.value) });
    } else if (message.kind === "history") {
      this.#set({ history: withGatewayDay(this.#state.history, message.value) });
    } else {
      this.#set({ site: takeMessage(site, message, { at, isRetained }) });
      if (message.kind === "aggregate" && !isRetained && !message.value.stale)
        this.#addToHistory(sampleOf(message.value), at);
    }
  }

  #addToHistory(sample: SiteSample, at: number): void {
    const { history, finished } = addSample(this.#state.history, sample, at);
    this.#set({ history });
    if (finished !== undefined) void this.#historyStore?.add(finished);
  }

  #openHistory(site: string): void {
    const store = new HistoryStore(site);
    this.#historyStore = store;
    void store.read().then((points) => {
      if (this.#historyStore !== store) return;
      const { open, points: newer, gateway } = this.#state.history;
      const first = newer[0]?.minute ?? open?.minute ?? Number.POSITIVE_INFINITY;
      this.#set({ history: { open, gateway, points: [...points.filter(({ minute }) => minute < first), ...newer] } });
    });
  }

  #readValues(site: string): AppState["site"] {
    const kept = readKept(keptNames.values) as { version?: unknown; of?: unknown; site?: unknown } | null | undefined;
    return kept?.version === valuesVersion && kept.of === site ? restoreSite(kept.site) : emptySite;
  }

  #keepPhone(): void {
    const { invitation, homes, language } = this.#state;
    if (invitation === undefined) return;
    keep(keptNames.phone, { invitation, homes, ...(language === undefined ? {} : { language }) });
  }

  #set(change: Partial<AppState>): void {
    this.#state = { ...this.#state, ...change };
    this.#onChange(this.#state);
  }
}

function randomId(): string {
  // Not randomUUID, which browsers withhold from pages over plain http.
  return Array.from(crypto.getRandomValues(new Uint8Array(9)), (byte) => byte.toString(36).padStart(2, "0")).join("");
}
