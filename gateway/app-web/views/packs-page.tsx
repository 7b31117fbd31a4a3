import { batteryFlow, leastFlow } from "../model/flows.ts";
import type { PackState } from "../model/site-state.ts";
import { isStale } from "../model/staleness.ts";
import { AgeNote } from "./age-note.tsx";
import { useApp } from "./app-context.ts";
import { ChargeBar } from "./charge-bar.tsx";
import { Icon } from "./icon.tsx";
import { packName } from "./pack-name.ts";

/** All packs, the master first, then by rank. */
export function PacksPage() {
  const { state, texts } = useApp();
  const { site } = state;
  const packs = Object.entries(site.packs).sort(
    ([a, left], [b, right]) => rankOf(left) - rankOf(right) || a.localeCompare(b),
  );
  return (
    <div class="page">
      <h1>{texts.packs.title}</h1>
      {packs.length === 0 && <p class="hint">{texts.overview.noPacks}</p>}
      <ul class="pack-list">
        {packs.map(([node, pack]) => (
          <li key={node}>
            <PackCard node={node} pack={pack} />
          </li>
        ))}
      </ul>
    </div>
  );
}

function PackCard({ node, pack }: { readonly node: string; readonly pack: PackState }) {
  const { state, texts, formats } = useApp();
  const { site, now } = state;
  const { telemetry, alarm } = pack;
  const isOld = telemetry !== undefined && isStale(telemetry, now);
  const value = telemetry?.value;
  const battery = batteryFlow(value?.P_batt);
  const isMaster = (site.aggregate?.value.master ?? site.master?.node) === node;
  return (
    <a class="card pack-card" href={`#/packs/${node}`} data-node={node} data-stale={telemetry === undefined || isOld}>
      <h2>
        {packName(site, node, texts)}
        {isMaster && (
          <span class="badge">
            <Icon name="crown" />
            {texts.packs.master}
          </span>
        )}
        {value?.online === false && (
          <span class="badge" data-grade="bad">
            {texts.packs.offline}
          </span>
        )}
        {(alarm?.alarms.length ?? 0) > 0 && (
          <span class="badge" data-grade="warn">
            <Icon name="warning" />
            {alarm?.alarms.length}
          </span>
        )}
      </h2>
      <ChargeBar charge={value?.SOC} isOld={isOld || (value !== undefined && value.bms !== "ok")} />
      <dl class="figures">
        <div>
          <dt>{battery === "unknown" ? texts.flow.battery : texts.flow[battery]}</dt>
          <dd>{formats.power(absolute(value?.P_batt))}</dd>
        </div>
        <div>
          <dt>{texts.flow.solar}</dt>
          <dd>{formats.power(value?.P_solar)}</dd>
        </div>
        <div>
          <dt>{(value?.P_grid ?? 0) < -leastFlow ? texts.flow.gridOut : texts.flow.grid}</dt>
          <dd>{formats.power(absolute(value?.P_grid))}</dd>
        </div>
        <div>
          <dt>{texts.flow.home}</dt>
          <dd>{formats.power(value?.P_home)}</dd>
        </div>
      </dl>
      <AgeNote of={telemetry} isStale={isOld} />
    </a>
  );
}

function absolute(value: number | undefined): number | undefined {
  return value === undefined ? undefined : Math.abs(value);
}

function rankOf(pack: PackState): number {
  return pack.telemetry?.value.rank ?? 99;
}
