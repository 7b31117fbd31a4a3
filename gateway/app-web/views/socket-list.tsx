import type { SiteSocket } from "../../../schemas/generated/types.ts";
import type { Stamped } from "../model/site-state.ts";
import { isSocketStale } from "../model/staleness.ts";
import { AgeNote } from "./age-note.tsx";
import { useApp } from "./app-context.ts";
import { AskNote } from "./ask-note.tsx";
import { Switch } from "./switch.tsx";

/** The smart sockets that the gateway knows. */
export function SocketList() {
  const { state, texts } = useApp();
  const sockets = Object.entries(state.site.sockets).sort(([a], [b]) => a.localeCompare(b));
  return (
    <section class="card" aria-labelledby="sockets-title">
      <h2 id="sockets-title">{texts.control.sockets}</h2>
      {sockets.length === 0 && <p class="hint">{texts.control.noSockets}</p>}
      <ul class="settings">
        {sockets.map(([id, socket]) => (
          <SocketItem key={id} id={id} socket={socket} />
        ))}
      </ul>
    </section>
  );
}

function SocketItem({ id, socket }: { readonly id: string; readonly socket: Stamped<SiteSocket> }) {
  const { state, store, texts, formats } = useApp();
  const { value } = socket;
  const isOld = isSocketStale(socket, state.now);
  const control = `socket:${id}`;
  const figures = [
    value.online ? "" : texts.control.socketOffline,
    value.power === undefined ? "" : formats.power(value.power / 1000),
    value.energy === undefined ? "" : texts.control.energyToday(formats.decimal(value.energy, 2)),
  ].filter((each) => each !== "");
  const standing = value.on === undefined ? "unknown" : value.on ? "on" : "off";
  return (
    <li data-socket={id} data-stale={isOld}>
      <div class="setting">
        <div>
          <h3>{value.name ?? id}</h3>
          <p class="hint">{figures.length === 0 ? id : figures.join(" · ")}</p>
          <AgeNote of={socket} isStale={isOld} />
        </div>
        <Switch
          control={control}
          label={texts.control.switchOf(texts.control.sockets, value.name ?? id)}
          standing={standing}
          onToggle={(on) => store.request(control, { kind: "socket", socket: id, on }, [id], on)}
        />
      </div>
      <AskNote control={control} />
    </li>
  );
}
