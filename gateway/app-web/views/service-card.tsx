import { useState } from "preact/hooks";
import { dayOfEnergy } from "../model/mode-view.ts";
import { useApp } from "./app-context.ts";
import { AskNote } from "./ask-note.tsx";
import { ConfirmButton } from "./confirm-button.tsx";
import { onlineNodes } from "./online-nodes.ts";

/** What isn't for every day, for one pack or for all. */
export function ServiceCard({ node }: { readonly node: string | undefined }) {
  const { state, store, texts } = useApp();
  const { packs: words } = texts;
  const { site } = state;
  const control = `service:${node ?? "all"}`;
  const expected = onlineNodes(site, node);
  const update = site.update?.value;
  const newer = update?.state === "running" || update?.state === "waiting" ? undefined : update?.available;
  const plain = (name: "request-status" | "reset-grid" | "factory-reset" | "ota-enter") => () =>
    store.request(control, { kind: "pack", name, payload: {}, node }, expected);
  return (
    <section class="card" aria-labelledby="service-title">
      <h2 id="service-title">{words.service}</h2>
      <div class="buttons">
        <button type="button" class="button" onClick={plain("request-status")}>
          {words.requestStatus}
        </button>
        <ConfirmButton label={words.resetGrid} onConfirm={plain("reset-grid")} />
        {node !== undefined && newer !== undefined && (
          <ConfirmButton
            label={words.updateThis(update?.availableVersion ?? newer)}
            onConfirm={() => store.request(control, { kind: "update", trigger: { update: newer, nodes: [node] } }, [])}
          />
        )}
        <ConfirmButton label={words.otaEnter} onConfirm={plain("ota-enter")} />
        <ConfirmButton label={words.factoryReset} onConfirm={plain("factory-reset")} />
      </div>
      <RestoreForm node={node} control={control} />
      <AskNote control={control} />
    </section>
  );
}

/** Gives packs back what they lost with their power, where the gateway couldn't: today's import, and whether it was used up. */
function RestoreForm({ node, control }: { readonly node: string | undefined; readonly control: string }) {
  const { state, store, texts } = useApp();
  const { packs: words } = texts;
  const [imported, setImported] = useState("");
  const [isLockedOut, setLockedOut] = useState(false);
  const value = Number(imported.replace(",", "."));
  const isGood = imported.trim() !== "" && value >= 0 && value <= 655.35;
  const restore = (event: Event): void => {
    event.preventDefault();
    if (!isGood) return;
    const payload = {
      import: Math.round(value * 100) / 100,
      lockedOut: isLockedOut,
      day: dayOfEnergy(new Date(state.now)),
    };
    store.request(control, { kind: "pack", name: "restore-last", payload, node }, onlineNodes(state.site, node));
    setImported("");
  };
  return (
    <details>
      <summary>{words.restore}</summary>
      <form class="setting-form" noValidate onSubmit={restore}>
        <label>
          {words.importUsed}
          <span class="field">
            <input
              type="text"
              inputMode="decimal"
              value={imported}
              onInput={(event) => setImported(event.currentTarget.value)}
            />
            kWh
          </span>
        </label>
        <label class="check">
          <input
            type="checkbox"
            checked={isLockedOut}
            onChange={(event) => setLockedOut(event.currentTarget.checked)}
          />
          {words.restoreLocked}
        </label>
        <button type="submit" class="button" disabled={!isGood}>
          {texts.control.save}
        </button>
      </form>
    </details>
  );
}
