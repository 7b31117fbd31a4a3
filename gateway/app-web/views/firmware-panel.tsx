import type { PackUpdate } from "../../../schemas/generated/types.ts";
import { useApp } from "./app-context.ts";
import { AskNote } from "./ask-note.tsx";
import { ConfirmButton } from "./confirm-button.tsx";
import { packName } from "./pack-name.ts";

const control = "firmware";

/** The packs' firmware: what runs, what is here, how an update moves on. */
export function FirmwarePanel() {
  const { state, store, texts } = useApp();
  const { firmware: words } = texts;
  const { update, packs } = state.site;
  const status = update?.value;
  const isUnderWay = status?.state === "running" || status?.state === "waiting";
  const newer = status?.availableVersion ?? status?.available;
  const start = (): void => {
    store.request(
      control,
      { kind: "update", trigger: status?.available === undefined ? {} : { update: status.available } },
      [],
    );
  };
  return (
    <section class="card" aria-labelledby="firmware-title" data-update={status?.state}>
      <h2 id="firmware-title">{words.title}</h2>
      <p>
        {status === undefined ? texts.unknown : words.state[status.state]}
        {status?.version !== undefined && isUnderWay ? ` ${words.to(status.version)}` : ""}
      </p>
      {status?.reason !== undefined && <p class="hint">{status.reason}</p>}
      {isUnderWay && status.percent !== undefined && (
        <progress max="100" value={status.percent} aria-label={words.title}>
          {status.percent} %
        </progress>
      )}
      {status?.resumed !== undefined && status.resumed > 0 && <p class="hint">{words.resumed(status.resumed)}</p>}
      <ul class="plain">
        {status?.nodes.map((each) => (
          <PackProgress key={each.node} pack={each} isCurrent={status.current === each.node} />
        ))}
      </ul>
      {(status === undefined || status.nodes.length === 0) && (
        <ul class="plain">
          {Object.entries(packs).map(([node, { identity }]) => (
            <li key={node} class="row">
              <span>{packName(state.site, node, texts)}</span>
              <span>{identity?.version ?? texts.unknown}</span>
            </li>
          ))}
        </ul>
      )}
      <p class="hint">
        {!isUnderWay && (newer === undefined ? words.none : words.available(newer))} {words.about}
      </p>
      <div class="buttons">
        {isUnderWay ? (
          <ConfirmButton
            label={words.stop}
            onConfirm={() => store.request(control, { kind: "update", trigger: { stop: true } }, [])}
          />
        ) : (
          newer !== undefined && <ConfirmButton label={words.start} onConfirm={start} />
        )}
      </div>
      <AskNote control={control} />
    </section>
  );
}

function PackProgress({ pack, isCurrent }: { readonly pack: PackUpdate; readonly isCurrent: boolean }) {
  const { state, texts } = useApp();
  const { node, state: step, percent, version, reason } = pack;
  return (
    <li data-step={step} data-node={node}>
      <p class="row">
        <b>{packName(state.site, node, texts)}</b>
        <span>{[texts.firmware.step[step], version ?? ""].filter((each) => each !== "").join(" · ")}</span>
      </p>
      {isCurrent && percent !== undefined && (
        <progress max="100" value={percent} aria-label={packName(state.site, node, texts)}>
          {percent} %
        </progress>
      )}
      {reason !== undefined && <p class="problem">{reason}</p>}
    </li>
  );
}
