import { render } from "preact";
import { readInvitation } from "./pairing/read-invitation.ts";
import type { AppState, InstallState } from "./store/app-state.ts";
import { AppStore } from "./store/app-store.ts";
import { textsFor } from "./texts/words.ts";
import { AppContext } from "./views/app-context.ts";
import { AppFrame } from "./views/app-frame.tsx";
import { formatsFor } from "./views/formats.ts";
import { type Route, routeOf } from "./views/route.ts";

/** What Chromium offers before it lets a page install itself. */
interface InstallEvent extends Event {
  prompt(): Promise<unknown>;
}

const root = document.getElementById("app");
if (root === null) throw new Error("the page has no #app");

let route: Route = routeOf(location.hash);
let installEvent: InstallEvent | undefined;
let isDrawn = false;
/** 32 packs speak 16 times a second, and a phone has other things to do. */
const drawEveryMs = 100;
/** The app's other windows on this phone. */
const windows = new BroadcastChannel("alfaspark");

const store = new AppStore({
  onChange: draw,
  claim: () => windows.postMessage("mine"),
  install: installState(),
});
joinByAddress();
store.start();
draw();

addEventListener("hashchange", () => {
  joinByAddress();
  route = routeOf(location.hash);
  // At once: a finger that is faster than the throttle would meet the page before.
  paint(store.state);
  scrollTo(0, 0);
});
setInterval(() => store.tick(), 1000);
// The phone came into another network, or out of somebody's pocket: what was connected may not be any more.
addEventListener("online", () => store.lookAgain());
addEventListener("offline", () => store.lookAgain());
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") store.wake();
  else store.keepValues();
});
addEventListener("focus", takeOver);
windows.addEventListener("message", () => store.giveWay());
addEventListener("pagehide", () => store.keepValues());

addEventListener("beforeinstallprompt", (event) => {
  event.preventDefault();
  installEvent = event as InstallEvent;
  store.setInstall("ready");
});
addEventListener("appinstalled", () => store.setInstall("installed"));
if (isSecureContext && "serviceWorker" in navigator) {
  // Without it the app still runs as a page.
  navigator.serviceWorker.register("./service-worker.js").catch(() => {});
}

/** However many messages come. */
function draw(): void {
  if (isDrawn) return;
  isDrawn = true;
  setTimeout(() => {
    isDrawn = false;
    paint(store.state);
  }, drawEveryMs);
}

function paint(state: AppState): void {
  const texts = textsFor(state.language, navigator.languages);
  document.documentElement.lang = texts.language;
  document.title = state.invitation?.title ?? texts.appName;
  render(
    <AppContext.Provider value={{ state, store, texts, formats: formatsFor(texts) }}>
      <AppFrame route={route} onInstall={() => void install()} />
    </AppContext.Provider>,
    root as HTMLElement,
  );
}

/** The window that is used has the connection. */
function takeOver(): void {
  if (document.visibilityState === "visible" && store.state.link.phase === "stopped") store.wake();
}

/** Takes an invitation out of the address, where others could read it over a shoulder or from the history. */
function joinByAddress(): void {
  const read = readInvitation(location.hash);
  if (read.kind === "none") return;
  history.replaceState(undefined, "", `${location.pathname}${location.search}`);
  const present = store.state.invitation;
  if (read.kind === "broken") store.offer({ kind: "broken" });
  else if (present === undefined || present.site === read.invitation.site) store.join(read.invitation);
  else store.offer({ kind: "other", invitation: read.invitation });
}

async function install(): Promise<void> {
  await installEvent?.prompt();
  installEvent = undefined;
}

function installState(): InstallState {
  if (matchMedia("(display-mode: standalone)").matches) return "installed";
  return isSecureContext ? "manual" : "insecure";
}
