import type { PackRelays } from "../../../schemas/generated/types.ts";
import { addressed, modeNames, modeStanding, relayNames, relayStanding } from "../model/mode-view.ts";
import type { SiteState } from "../model/site-state.ts";
import { isStale } from "../model/staleness.ts";
import { AgeNote } from "./age-note.tsx";
import { useApp } from "./app-context.ts";
import { DayPanel } from "./day-panel.tsx";
import { FlowPicture } from "./flow-picture.tsx";
import { ImportMeter, importOf } from "./import-meter.tsx";
import { Notices } from "./notices.tsx";
import { packName } from "./pack-name.ts";

/** The household at a glance. */
export function OverviewPage() {
  const { state, texts } = useApp();
  const { site, now } = state;
  const { aggregate } = site;
  const isOld = aggregate !== undefined && isStale(aggregate, now);
  const packs = addressed(site, undefined);
  const { used, limit } = importOf(packs.map(({ value }) => value.import));
  const modes = modeNames.filter((mode) => ["on", "mixed"].includes(modeStanding(packs, mode)));
  const master = aggregate?.value.master ?? site.master?.node;
  return (
    <div class="page overview">
      <h1 class="visually-hidden">{texts.tabs.overview}</h1>
      <Notices />
      <section class="card flow-card" aria-label={texts.flow.title}>
        <FlowPicture
          powers={aggregate?.value ?? {}}
          charge={aggregate?.value.SOC}
          isStale={aggregate === undefined || isOld}
          relays={sharedRelays(site)}
        />
        <AgeNote of={aggregate} isStale={isOld} />
        <p class="packs-line">
          <a href="#/packs">
            {aggregate === undefined
              ? texts.overview.noPacks
              : texts.overview.packsOnline(aggregate.value.packs, aggregate.value.known)}
          </a>
          <span>
            {texts.overview.master}: {master === undefined ? texts.overview.noMaster : packName(site, master, texts)}
          </span>
        </p>
      </section>
      <div class="column">
        <section class="card" data-stale={aggregate === undefined || isOld}>
          <ImportMeter
            used={used ?? aggregate?.value.import}
            limit={limit}
            isLockedOut={(aggregate?.value.lockedOut ?? 0) > 0}
          />
          <p class="chips">
            <span class="hint">{texts.overview.modes}</span>
            {modes.length === 0 ? <span>{packs.length === 0 ? texts.unknown : texts.overview.noModes}</span> : null}
            {modes.map((mode) => (
              <a key={mode} class="chip" href="#/control">
                {texts.control.mode[mode]}
              </a>
            ))}
          </p>
        </section>
        <DayPanel />
      </div>
    </div>
  );
}

/** Relays that stand the same in all packs; a difference isn't a state to draw. */
function sharedRelays(site: SiteState): Partial<PackRelays> {
  const packs = addressed(site, undefined);
  const keys = { grid: "grid", output: "inv", pump: "pump", heater: "heater" } as const;
  const shared: Partial<PackRelays> = {};
  for (const relay of relayNames) {
    const standing = relayStanding(packs, relay);
    if (standing === "on" || standing === "off") shared[keys[relay]] = standing === "on" ? 1 : 0;
  }
  return shared;
}
