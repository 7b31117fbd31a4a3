import type { ComponentChildren } from "preact";
import { instantToMs } from "../../../schemas/wire/instant.ts";
import { isStale } from "../model/staleness.ts";
import { AgeNote } from "./age-note.tsx";
import { useApp } from "./app-context.ts";
import { ChargeBar } from "./charge-bar.tsx";
import { FlowPicture } from "./flow-picture.tsx";
import { nothing } from "./formats.ts";
import { Icon } from "./icon.tsx";
import { ImportMeter, importOf } from "./import-meter.tsx";
import { ModeList } from "./mode-list.tsx";
import { packName } from "./pack-name.ts";
import { RelayList } from "./relay-list.tsx";
import { ServiceCard } from "./service-card.tsx";

/** Everything of one pack, and everything it can be told. */
export function PackPage({ node }: { readonly node: string }) {
  const { state, texts, formats } = useApp();
  const { site, now } = state;
  const { packs: words } = texts;
  const pack = site.packs[node];
  const telemetry = pack?.telemetry;
  const isOld = telemetry !== undefined && isStale(telemetry, now);
  const value = telemetry?.value;
  const identity = pack?.identity;
  const { used, limit } = importOf([value?.import]);
  const bits = (number: number | undefined): string => (number === undefined ? nothing : `0x${number.toString(16)}`);
  const seen = identity?.seen === undefined ? undefined : instantToMs(identity.seen);
  const yesNo = (flag: boolean | undefined): string => (flag === undefined ? nothing : flag ? words.yes : words.no);
  return (
    <div class="page pack">
      <a class="back" href="#/packs">
        <Icon name="back" />
        {words.back}
      </a>
      <h1>{packName(site, node, texts)}</h1>
      <section class="card" data-stale={telemetry === undefined || isOld} aria-label={words.state}>
        <ChargeBar charge={value?.SOC} isOld={isOld || value?.bms !== "ok"} />
        <AgeNote of={telemetry} isStale={isOld} />
        {value?.bms !== undefined && (
          <p class="hint" data-bms={value.bms}>
            {words.bms[value.bms]}
          </p>
        )}
        {value?.warning !== undefined && <p class="warning-line">{value.warning}</p>}
        <FlowPicture
          powers={value ?? {}}
          charge={value?.SOC}
          isStale={telemetry === undefined || isOld}
          relays={value?.relays ?? {}}
        />
        <ImportMeter used={used} limit={limit} isLockedOut={value?.lockedOut === true} />
      </section>
      <div class="column">
        <section class="card" aria-labelledby="alarms-title">
          <h2 id="alarms-title">{words.alarms}</h2>
          {(pack?.alarm?.alarms.length ?? 0) === 0 ? <p class="hint">{words.noAlarms}</p> : null}
          <ul class="plain">
            {pack?.alarm?.alarms.map((alarm) => (
              <li key={alarm.code}>
                <Icon name="warning" /> {alarm.text}
              </li>
            ))}
          </ul>
          <dl class="rows">
            <Row name={words.bmsAlarms}>{bits(pack?.alarm?.bmsAlarms)}</Row>
            <Row name={words.bmsWarnings}>{bits(pack?.alarm?.bmsWarnings)}</Row>
          </dl>
        </section>
        <ModeList node={node} />
        <RelayList node={node} />
        <section class="card" aria-labelledby="values-title" data-stale={telemetry === undefined || isOld}>
          <h2 id="values-title">{words.values}</h2>
          <dl class="rows">
            <Row name={words.voltage}>{unit(formats.decimal(value?.V_batt, 1), "V")}</Row>
            <Row name={words.current}>{unit(formats.decimal(value?.I_batt, 2), "A")}</Row>
            <Row name={words.batteryPower}>{formats.power(value?.P_batt)}</Row>
            <Row name={words.rank}>{value?.rank ?? nothing}</Row>
            <Row name={words.time}>{yesNo(value?.timeOk)}</Row>
          </dl>
          <h2>{words.identity}</h2>
          <dl class="rows">
            <Row name={words.hardware}>
              <code>{node}</code>
            </Row>
            <Row name={words.firmware}>
              {identity === undefined ? nothing : `${identity.firmware ?? ""} ${identity.version ?? nothing}`.trim()}
            </Row>
            <Row name={words.deviceType}>{identity?.deviceType ?? nothing}</Row>
            <Row name={words.canNode}>{value?.canNode ?? identity?.canNode ?? nothing}</Row>
            <Row name={words.managed}>{identity?.managed ?? nothing}</Row>
            <Row name={words.firstSeen}>{seen === undefined ? nothing : formats.moment(seen)}</Row>
          </dl>
        </section>
        <ServiceCard node={node} />
      </div>
    </div>
  );
}

function Row({ name, children }: { readonly name: string; readonly children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function unit(text: string, symbol: string): string {
  return text === nothing ? text : `${text} ${symbol}`;
}
