import { useApp } from "./app-context.ts";
import { ModeList } from "./mode-list.tsx";
import { RelayList } from "./relay-list.tsx";
import { ServiceCard } from "./service-card.tsx";
import { SocketList } from "./socket-list.tsx";

/** What all packs are told at once, and the smart sockets. One pack alone is told on its own page. */
export function ControlPage() {
  const { texts } = useApp();
  return (
    <div class="page">
      <h1>
        {texts.control.title} <span class="hint">{texts.control.all}</span>
      </h1>
      <div class="columns">
        <ModeList node={undefined} />
        <div class="column">
          <RelayList node={undefined} />
          <SocketList />
          <ServiceCard node={undefined} />
        </div>
      </div>
    </div>
  );
}
