import type { LinkState } from "../link/link-machine.ts";
import type { Texts } from "../texts/en.ts";
import { useApp } from "./app-context.ts";

/** Where the phone is connected to; always in sight. */
export function LinkBadge() {
  const { state, texts } = useApp();
  const { link } = state;
  const shown = link.phase === "connected" ? link.place.kind : link.phase;
  return (
    <p class="link" role="status" data-link={shown}>
      {texts.link[shown]}
    </p>
  );
}

/** Why there is no connection, and a way to try at once. */
export function LinkTrouble() {
  const { state, store, texts } = useApp();
  const text = troubleOf(state.link, state.invitation?.server !== undefined, texts);
  if (text === undefined) return null;
  return (
    <div class="trouble" role="alert">
      <p>{text}</p>
      <button type="button" class="button" onClick={() => store.wake()}>
        {texts.link.tryNow}
      </button>
    </div>
  );
}

/** Nothing while it is still looking for the first time. */
function troubleOf({ phase, problems }: LinkState, hasServer: boolean, { link }: Texts): string | undefined {
  if (phase === "stopped") return link.elsewhere;
  if (phase === "connected" || (phase !== "resting" && problems.home === undefined && problems.server === undefined))
    return;
  if (problems.home === "refused" || problems.server === "refused") return link.refused;
  if (phase !== "resting" && (problems.server === undefined || problems.home === undefined) && hasServer) return;
  if (phase === "resting" && (problems.home === "closed" || problems.server === "closed")) return link.thrownOut;
  return hasServer ? link.unreachable : link.unreachableHome;
}
