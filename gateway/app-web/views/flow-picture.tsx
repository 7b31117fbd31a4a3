import type { PackRelays } from "../../../schemas/generated/types.ts";
import {
  batteryFlow,
  type Flow,
  type FlowName,
  flowsOf,
  lineWidth,
  type Powers,
  travelSeconds,
} from "../model/flows.ts";
import { useApp } from "./app-context.ts";
import { iconPath } from "./icon.tsx";

export interface FlowPictureProps {
  readonly powers: Powers;
  readonly charge: number | undefined;
  readonly isStale: boolean;
  /** Where they are known: of one pack, or those that all packs share. */
  readonly relays: Partial<PackRelays>;
}

interface Place {
  readonly x: number;
  readonly y: number;
  /** Where its words stand. */
  readonly words: "below" | "right";
}

const centre = { x: 180, y: 176, radius: 61 } as const;
const nodeRadius = 25;
const places: Readonly<Record<FlowName, Place>> = {
  solar: { x: 180, y: 30, words: "right" },
  grid: { x: 40, y: 140, words: "below" },
  home: { x: 320, y: 140, words: "below" },
  pool: { x: 78, y: 292, words: "below" },
  heater: { x: 282, y: 292, words: "below" },
};
const relayOf = { grid: "grid", home: "inv", pool: "pump", heater: "heater" } as const;

/** The household at a glance: what is outside around the packs, lines as thick as their power, marks as fast. */
export function FlowPicture({ powers, charge, isStale, relays }: FlowPictureProps) {
  const { texts, formats } = useApp();
  const flows = flowsOf(powers);
  const isOpen = (name: FlowName): boolean => name !== "solar" && relays[relayOf[name]] === 0;
  const battery = batteryFlow(powers.P_batt);
  const words = (flow: Flow): string => {
    const label = labelOf(flow);
    const name = flow.name === "grid" && label !== texts.flow.grid ? `${texts.flow.grid} ` : "";
    return `${name}${label} ${formats.power(flow.power)}`;
  };
  const labelOf = ({ name, direction }: Flow): string => {
    if (name === "grid" && isOpen(name)) return texts.flow.gridOpen;
    if (name === "grid" && direction !== "none") return direction === "in" ? texts.flow.gridIn : texts.flow.gridOut;
    if (isOpen(name)) return `${texts.flow[name]} ${texts.flow.off}`;
    return texts.flow[name];
  };
  const summary = [
    isStale ? texts.flow.stale : "",
    ...flows.map((flow) => `${words(flow)}.`),
    `${texts.flow.battery} ${formats.percent(charge)}, ${texts.flow[battery]} ${formats.power(absolute(powers.P_batt))}.`,
  ];
  return (
    <svg class="flow" data-stale={isStale} viewBox="0 0 360 354" role="img" aria-label={summary.join(" ").trim()}>
      {flows.map((flow) => (
        <FlowLine key={flow.name} flow={flow} isOpen={isOpen(flow.name)} />
      ))}
      {flows.map((flow) => (
        <FlowNode
          key={flow.name}
          flow={flow}
          label={labelOf(flow)}
          power={formats.power(flow.power)}
          isOpen={isOpen(flow.name)}
        />
      ))}
      <BatteryRing charge={charge} battery={battery} />
      <text class="flow-charge" x={centre.x} y={centre.y + 2}>
        {formats.percent(charge)}
      </text>
      <text class="flow-word" x={centre.x} y={centre.y + 22}>
        {battery === "unknown" ? texts.flow.battery : texts.flow[battery]}
      </text>
      <text class="flow-value" x={centre.x} y={centre.y + 41}>
        {battery === "idle" ? "" : formats.power(absolute(powers.P_batt))}
      </text>
    </svg>
  );
}

function FlowLine({ flow, isOpen }: { readonly flow: Flow; readonly isOpen: boolean }) {
  const { name, power = 0, direction } = flow;
  const { x, y } = places[name];
  const length = Math.hypot(centre.x - x, centre.y - y);
  const [dx, dy] = [(centre.x - x) / length, (centre.y - y) / length];
  const from = { x: x + dx * (nodeRadius + 3), y: y + dy * (nodeRadius + 3) };
  const to = { x: centre.x - dx * (centre.radius + 9), y: centre.y - dy * (centre.radius + 9) };
  const [start, end] = direction === "out" ? [to, from] : [from, to];
  const path = `M${round(start.x)} ${round(start.y)}L${round(end.x)} ${round(end.y)}`;
  const angle = (Math.atan2(end.y - start.y, end.x - start.x) * 180) / Math.PI;
  return (
    <g class={`flow-line ${name}`} data-flow={name} data-direction={direction} data-open={isOpen}>
      <path class="wire" d={path} style={{ strokeWidth: direction === "none" ? 2 : lineWidth(power) }} />
      {direction !== "none" && (
        <>
          <path
            class="marks"
            d={path}
            style={{ "--travel": `${travelSeconds(power)}s`, strokeWidth: lineWidth(power) + 1 }}
          />
          <path
            class="arrow"
            d="M3 0-9-7.5-6 0-9 7.5Z"
            transform={`translate(${round(end.x)} ${round(end.y)}) rotate(${round(angle)})`}
          />
        </>
      )}
    </g>
  );
}

interface FlowNodeProps {
  readonly flow: Flow;
  readonly label: string;
  readonly power: string;
  readonly isOpen: boolean;
}

function FlowNode({ flow, label, power, isOpen }: FlowNodeProps) {
  const { name, direction } = flow;
  const { x, y, words } = places[name];
  const [textX, valueY, anchor] =
    words === "below" ? [x, y + nodeRadius + 19, "middle"] : [x + nodeRadius + 10, y, "start"];
  return (
    <g class={`flow-node ${name}`} data-node={name} data-idle={direction === "none"} data-open={isOpen}>
      <circle cx={x} cy={y} r={nodeRadius} />
      <path class="flow-icon" transform={`translate(${x - 13} ${y - 13}) scale(1.085)`} d={iconPath(name)} />
      <text class="flow-value" x={textX} y={valueY} text-anchor={anchor} data-value={name}>
        {power}
      </text>
      <text class="flow-word" x={textX} y={valueY + 16} text-anchor={anchor}>
        {label}
      </text>
    </g>
  );
}

/** The charge as on the packs' own light bar: green above 20 %, red below, a pulse towards the end while charging. */
function BatteryRing({ charge, battery }: { readonly charge: number | undefined; readonly battery: string }) {
  const ring = { cx: centre.x, cy: centre.y, r: centre.radius, pathLength: 100 };
  return (
    <g class="ring" data-battery={battery} data-low={charge !== undefined && charge <= 20}>
      <circle class="ring-track" cx={ring.cx} cy={ring.cy} r={ring.r} />
      {charge !== undefined && charge > 0 && (
        <circle
          class="ring-charge"
          {...ring}
          stroke-dasharray={`${charge} 100`}
          transform={`rotate(-90 ${ring.cx} ${ring.cy})`}
        />
      )}
      {charge !== undefined && battery === "charging" && (
        <circle
          class="ring-pulse"
          {...ring}
          stroke-dasharray="0.1 199.9"
          transform={`rotate(-90 ${ring.cx} ${ring.cy})`}
          style={{ "--end": `${-Math.max(charge, 3)}` }}
        />
      )}
    </g>
  );
}

function absolute(value: number | undefined): number | undefined {
  return value === undefined ? undefined : Math.abs(value);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
