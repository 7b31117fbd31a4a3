import type { Alarm, SiteAlarm } from "../../../schemas/generated/types.ts";
import { instantToMs } from "../../../schemas/wire/instant.ts";
import { useApp } from "./app-context.ts";
import { Icon, type IconName } from "./icon.tsx";
import { packName } from "./pack-name.ts";

interface Notice {
  readonly key: string;
  readonly icon: IconName;
  readonly grade: "bad" | "warn" | "info";
  readonly title: string;
  readonly text?: string;
}

/** What a person should know of, worst first; nothing where nothing is wrong. */
export function Notices() {
  const { state, texts, formats } = useApp();
  const { site } = state;
  const { notices: words } = texts;
  const notices: Notice[] = [];
  const gateway = site.gateway?.value;
  if (gateway?.online === false)
    notices.push({ key: "gateway", icon: "warning", grade: "bad", title: words.gatewayDown });
  else if (gateway !== undefined && gateway.can !== "up") {
    const reason = gateway.canReason === undefined ? {} : { text: gateway.canReason };
    notices.push({ key: "can", icon: "warning", grade: "bad", title: words.can[gateway.can], ...reason });
  }
  const sums = site.aggregate?.value;
  if (sums?.lockedOut !== undefined && sums.lockedOut > 0) {
    notices.push({ key: "lock-out", icon: "lock", grade: "warn", title: words.lockedOut(sums.lockedOut) });
  }
  if (sums?.warning !== undefined) {
    notices.push({ key: "loads", icon: "warning", grade: "warn", title: sums.warning, text: words.loadsLimit });
  }
  for (const [node, { alarm }] of Object.entries(site.packs)) {
    for (const each of remaining(alarm)) {
      const since = each.since === undefined ? undefined : instantToMs(each.since);
      const age = since === undefined ? "" : `, ${words.since(formats.clock(since + site.skewMs))}`;
      const title = `${packName(site, node, texts)}: ${each.text}`;
      notices.push({ key: `${node}-${each.code}`, icon: "warning", grade: gradeOf(each), title: `${title}${age}` });
    }
  }
  const update = site.update?.value;
  if (update?.state === "running" || update?.state === "waiting") {
    const percent = update.percent === undefined ? "" : ` ${formats.percent(update.percent)}`;
    const reason = update.reason === undefined ? {} : { text: update.reason };
    notices.push({
      ...{ key: "update", icon: "chip", grade: "info" },
      title: `${texts.firmware.state[update.state]}${percent}`,
      ...reason,
    });
  }
  if (sums?.disagrees === true) {
    const text = sums.differing?.join(", ");
    notices.push({
      key: "sums",
      icon: "warning",
      grade: "info",
      title: words.disagrees,
      ...(text === undefined ? {} : { text }),
    });
  }
  if (gateway?.internet === "down")
    notices.push({ key: "internet", icon: "warning", grade: "info", title: words.internetDown });
  return (
    <ul class="notices" aria-label={words.title} aria-live="polite">
      {notices.map(({ key, icon, grade, title, text }) => (
        <li key={key} data-grade={grade} data-notice={key}>
          <Icon name={icon} />
          <div>
            <strong>{title}</strong>
            {text !== undefined && <p>{text}</p>}
          </div>
        </li>
      ))}
    </ul>
  );
}

/** Those that the household's own sums tell already would be said twice. */
function remaining(alarm: SiteAlarm | undefined): Alarm[] {
  return alarm?.alarms.filter(({ code }) => code !== "loads-limit" && code !== "locked-out") ?? [];
}

function gradeOf({ code }: Alarm): Notice["grade"] {
  return code === "bms-warning" || code === "bms-stale" || code === "watchdog-reset" ? "warn" : "bad";
}
