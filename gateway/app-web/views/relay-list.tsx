import { addressed, relayNames, relayStanding } from "../model/mode-view.ts";
import { useApp } from "./app-context.ts";
import { AskNote } from "./ask-note.tsx";
import { onlineNodes } from "./online-nodes.ts";
import { packName } from "./pack-name.ts";
import { Switch } from "./switch.tsx";

/** The four relays of one pack, or of all. */
export function RelayList({ node }: { readonly node: string | undefined }) {
  const { state, store, texts } = useApp();
  const { control } = texts;
  const packs = addressed(state.site, node);
  const where = node === undefined ? control.all : packName(state.site, node, texts);
  const standings = { on: control.closed, off: control.open, mixed: control.mixed, unknown: control.unknown };
  return (
    <section class="card" aria-labelledby="relays-title">
      <h2 id="relays-title">{control.relays}</h2>
      <ul class="settings">
        {relayNames.map((relay) => {
          const name = `relay:${relay}:${node ?? "all"}`;
          const standing = relayStanding(packs, relay);
          return (
            <li key={relay}>
              <div class="setting">
                <div>
                  <h3>{control.relay[relay]}</h3>
                  <p class="hint">{standings[standing]}</p>
                </div>
                <Switch
                  control={name}
                  label={control.switchOf(control.relay[relay], where)}
                  standing={standing}
                  onToggle={(on) =>
                    store.request(
                      name,
                      { kind: "pack", name: "set-relay", payload: { relay, on }, node },
                      onlineNodes(state.site, node),
                      on,
                    )
                  }
                />
              </div>
              <AskNote control={name} />
            </li>
          );
        })}
      </ul>
    </section>
  );
}
