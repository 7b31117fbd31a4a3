import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { clockToMinutes, minutesToClock, type Standing } from "../model/mode-view.ts";
import { useApp } from "./app-context.ts";
import { onlineNodes } from "./online-nodes.ts";

interface FormProps {
  readonly node: string | undefined;
  /** Where the answer is shown: at the mode. */
  readonly control: string;
}

/** Fields and a button, which is there once something was changed. */
function SettingForm(props: {
  readonly isChanged: boolean;
  readonly problem: string | undefined;
  readonly onSave: () => void;
  readonly children: ComponentChildren;
}) {
  const { texts } = useApp();
  const { isChanged, problem, onSave, children } = props;
  return (
    <form
      class="setting-form"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        if (isChanged && problem === undefined) onSave();
      }}
    >
      {children}
      <button type="submit" class="button" disabled={!isChanged || problem !== undefined}>
        {texts.control.save}
      </button>
      {isChanged && problem !== undefined && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
    </form>
  );
}

export function EcoLimitForm({ node, control, limit }: FormProps & { readonly limit: number | undefined }) {
  const { state, store, texts } = useApp();
  const [draft, setDraft] = useState<string>();
  const value = readWhole(draft, 0, 65_535);
  const save = (): void => {
    if (value === undefined) return;
    const request = { kind: "pack", name: "set-eco-limit", payload: { limit: value }, node } as const;
    store.request(control, request, onlineNodes(state.site, node));
    setDraft(undefined);
  };
  return (
    <SettingForm
      isChanged={draft !== undefined}
      problem={value === undefined ? texts.control.invalid.ecoLimit : undefined}
      onSave={save}
    >
      <label>
        {texts.control.ecoLimit}
        <span class="field">
          <input
            type="number"
            inputMode="numeric"
            min="0"
            max="65535"
            step="1"
            value={draft ?? limit ?? ""}
            onInput={(event) => setDraft(event.currentTarget.value)}
          />
          W
        </span>
      </label>
    </SettingForm>
  );
}

/** Limit and switch are one command on the bus: where packs differ, a limit for all would switch some of them. */
export function GridLimitForm(props: FormProps & { readonly limit: number | undefined; readonly standing: Standing }) {
  const { node, control, limit, standing } = props;
  const isDecided = standing === "on" || standing === "off";
  const { state, store, texts } = useApp();
  const [draft, setDraft] = useState<string>();
  const value = readWhole(draft, 2, 30);
  const save = (): void => {
    if (value === undefined) return;
    const payload = { on: standing === "on", limit: value };
    store.request(control, { kind: "pack", name: "set-grid-limit", payload, node }, onlineNodes(state.site, node));
    setDraft(undefined);
  };
  return (
    <SettingForm
      isChanged={draft !== undefined}
      problem={
        isDecided ? (value === undefined ? texts.control.invalid.gridLimit : undefined) : texts.control[standing]
      }
      onSave={save}
    >
      <label>
        {texts.control.ecoLimit}
        <span class="field">
          <input
            type="number"
            inputMode="numeric"
            min="2"
            max="30"
            step="1"
            value={draft ?? limit ?? ""}
            onInput={(event) => setDraft(event.currentTarget.value)}
          />
          {texts.control.gridLimit}
        </span>
      </label>
    </SettingForm>
  );
}

export function TouForm(props: FormProps & { readonly start: number | undefined; readonly end: number | undefined }) {
  const { node, control } = props;
  const { state, store, texts } = useApp();
  const [draft, setDraft] = useState<{ readonly start?: string; readonly end?: string }>({});
  const start = draft.start === undefined ? props.start : clockToMinutes(draft.start);
  const end = draft.end === undefined ? props.end : clockToMinutes(draft.end);
  const isWindow = start !== undefined && end !== undefined && start !== end;
  const save = (): void => {
    if (start === undefined || end === undefined) return;
    const request = { kind: "pack", name: "set-tou", payload: { start, end }, node } as const;
    store.request(control, request, onlineNodes(state.site, node));
    setDraft({});
  };
  const text = (known: number | undefined): string => (known === undefined ? "" : minutesToClock(known));
  return (
    <SettingForm
      isChanged={draft.start !== undefined || draft.end !== undefined}
      problem={isWindow ? undefined : texts.control.invalid.time}
      onSave={save}
    >
      <label>
        {texts.control.start}
        <input
          type="time"
          value={draft.start ?? text(props.start)}
          onInput={(event) => setDraft({ ...draft, start: event.currentTarget.value })}
        />
      </label>
      <label>
        {texts.control.end}
        <input
          type="time"
          value={draft.end ?? text(props.end)}
          onInput={(event) => setDraft({ ...draft, end: event.currentTarget.value })}
        />
      </label>
    </SettingForm>
  );
}

function readWhole(text: string | undefined, least: number, most: number): number | undefined {
  if (text === undefined || !/^\d{1,5}$/.test(text.trim())) return undefined;
  const value = Number(text);
  return value >= least && value <= most ? value : undefined;
}
