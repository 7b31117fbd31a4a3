import { AgeNote } from "./age-note.tsx";
import { useApp } from "./app-context.ts";
import { nothing } from "./formats.ts";

/** The gateway itself and its links. */
export function GatewayPanel() {
  const { state, texts, formats } = useApp();
  const { more } = texts;
  const { gateway, master, garbage } = state.site;
  const value = gateway?.value;
  // The broker itself says when the gateway is gone, so its word holds as long as somebody hears the broker.
  const isOld = value?.online === false || state.link.phase !== "connected";
  const rows: (readonly [string, string])[] = [
    [more.gatewayVersion, value?.version ?? nothing],
    [
      more.bus,
      value === undefined
        ? nothing
        : [more.busState[value.can], value.canLoad === undefined ? "" : more.busLoad(formats.decimal(value.canLoad, 0))]
            .filter((each) => each !== "")
            .join(", "),
    ],
    [more.internet, value?.internet === undefined ? nothing : more.linkStates[value.internet]],
    [more.manager, value?.manager === undefined ? nothing : more.linkStates[value.manager]],
    [more.serverBroker, value?.serverBroker === undefined ? nothing : more.linkStates[value.serverBroker]],
    [more.handovers, formats.decimal(master?.handovers, 0)],
    [more.garbage, formats.decimal(garbage, 0)],
  ];
  return (
    <section class="card" aria-labelledby="gateway-title" data-stale={gateway === undefined || isOld}>
      <h2 id="gateway-title">{more.gateway}</h2>
      <AgeNote of={gateway} isStale={isOld} />
      <dl class="rows">
        {rows.map(([name, text]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
      {value?.waiting !== undefined && value.waiting > 0 && <p class="hint">{more.waiting(value.waiting)}</p>}
    </section>
  );
}
