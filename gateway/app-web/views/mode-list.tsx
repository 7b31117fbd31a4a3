import type { PackModeName } from "../../../schemas/generated/types.ts";
import {
  addressed,
  type ModeSettings,
  modeNames,
  modeSettings,
  modeStanding,
  type Standing,
} from "../model/mode-view.ts";
import { useApp } from "./app-context.ts";
import { AskNote } from "./ask-note.tsx";
import { EcoLimitForm, GridLimitForm, TouForm } from "./mode-forms.tsx";
import { onlineNodes } from "./online-nodes.ts";
import { packName } from "./pack-name.ts";
import { Switch } from "./switch.tsx";

/** The day's limit that is set when the mode is switched on before anybody said which. */
const usualGridLimit = 10;

/** The five modes of one pack, or of all, with their settings. */
export function ModeList({ node }: { readonly node: string | undefined }) {
  const { state, texts } = useApp();
  const packs = addressed(state.site, node);
  const settings = modeSettings(packs);
  return (
    <section class="card" aria-labelledby="modes-title">
      <h2 id="modes-title">{texts.control.modes}</h2>
      <ul class="settings">
        {modeNames.map((mode) => (
          <ModeItem key={mode} node={node} mode={mode} standing={modeStanding(packs, mode)} settings={settings} />
        ))}
      </ul>
    </section>
  );
}

interface ModeItemProps {
  readonly node: string | undefined;
  readonly mode: PackModeName;
  readonly standing: Standing;
  readonly settings: ModeSettings;
}

function ModeItem({ node, mode, standing, settings }: ModeItemProps) {
  const { state, store, texts } = useApp();
  const { control } = texts;
  const name = `mode:${mode}:${node ?? "all"}`;
  const setting = `setting:${mode}:${node ?? "all"}`;
  const where = node === undefined ? control.all : packName(state.site, node, texts);
  const standings = { on: control.on, off: control.off, mixed: control.mixed, unknown: control.unknown };
  const toggle = (on: boolean): void => {
    const expected = onlineNodes(state.site, node);
    if (mode === "grid-limit") {
      // Its switch and its limit are one command on the bus.
      const payload = { on, limit: settings.gridLimit ?? usualGridLimit };
      store.request(name, { kind: "pack", name: "set-grid-limit", payload, node }, expected, on);
    } else {
      store.request(name, { kind: "pack", name: "set-mode", payload: { mode, on }, node }, expected, on);
    }
  };
  return (
    <li data-mode={mode}>
      <div class="setting">
        <div>
          <h3>{control.mode[mode]}</h3>
          <p class="hint">{control.about[mode]}</p>
          {(standing === "mixed" || standing === "unknown") && <p class="hint">{standings[standing]}</p>}
        </div>
        <Switch
          control={name}
          label={control.switchOf(control.mode[mode], where)}
          standing={standing}
          onToggle={toggle}
        />
      </div>
      {mode === "eco" && <EcoLimitForm node={node} control={setting} limit={settings.ecoLimit} />}
      {mode === "time-of-use" && (
        <TouForm node={node} control={setting} start={settings.touStart} end={settings.touEnd} />
      )}
      {mode === "grid-limit" && (
        <GridLimitForm node={node} control={setting} limit={settings.gridLimit} standing={standing} />
      )}
      <AskNote control={setting} />
      <AskNote control={name} />
    </li>
  );
}
