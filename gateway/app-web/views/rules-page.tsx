import { useState } from "preact/hooks";
import type { SiteRule } from "../../../schemas/generated/types.ts";
import { instantToMs } from "../../../schemas/wire/instant.ts";
import { maxRules, ruleProblem } from "../model/rule-draft.ts";
import { useApp } from "./app-context.ts";
import { AskNote } from "./ask-note.tsx";
import { Icon } from "./icon.tsx";

const saveControl = "rules:save";
const testControl = "rules:test";

/** The household's rules: read, written, tried out and given to the gateway as a whole. */
export function RulesPage() {
  const { state, store, texts } = useApp();
  const { rules: words } = texts;
  const inForce = state.site.rules?.rules ?? [];
  const [draft, setDraft] = useState<readonly SiteRule[]>();
  const [testId, setTestId] = useState<string>();
  const shown = draft ?? inForce;
  const problems = shown.map((rule) => ruleProblem(rule, shown));
  const isSound = problems.every((problem) => problem === undefined);
  const test = state.site.rulesTest?.id === testId ? state.site.rulesTest : undefined;
  const change = (index: number, rule: SiteRule | undefined): void => {
    setTestId(undefined);
    setDraft(shown.flatMap((each, at) => (at !== index ? [each] : rule === undefined ? [] : [rule])));
  };
  const save = (): void => {
    store.request(saveControl, { kind: "rules", rules: shown, isTest: false }, []);
    setDraft(undefined);
  };
  return (
    <div class="page">
      <h1>{words.title}</h1>
      <p class="hint">{words.about}</p>
      {shown.length === 0 && <p class="card">{words.none}</p>}
      <ol class="rules">
        {shown.map((rule, index) => (
          <RuleItem
            // Rules have no other identity while their names are being written.
            key={index}
            rule={rule}
            problem={problems[index]}
            tested={test?.rules.find(({ name }) => name === rule.name)}
            isDraft={draft !== undefined}
            onChange={(next) => change(index, next)}
          />
        ))}
      </ol>
      <div class="buttons">
        <button
          type="button"
          class="button"
          disabled={shown.length >= maxRules}
          onClick={() => setDraft([...shown, { name: "", rule: "" }])}
        >
          {words.add}
        </button>
        <button
          type="button"
          class="button"
          disabled={shown.length === 0 || !isSound}
          onClick={() => setTestId(store.request(testControl, { kind: "rules", rules: shown, isTest: true }, []))}
        >
          {words.test}
        </button>
        {draft !== undefined && (
          <>
            <button type="button" class="button primary" disabled={!isSound} onClick={save}>
              {words.save}
            </button>
            <button type="button" class="button" onClick={() => setDraft(undefined)}>
              {words.discard}
            </button>
          </>
        )}
      </div>
      {draft !== undefined && <p class="hint">{words.changed}</p>}
      {shown.length >= maxRules && <p class="hint">{words.full}</p>}
      <AskNote control={testControl} />
      <AskNote control={saveControl} />
      <section class="card hint-card">
        <code>{words.example}</code>
        <p class="hint">{words.words}</p>
      </section>
    </div>
  );
}

interface RuleItemProps {
  readonly rule: SiteRule;
  readonly problem: "broken" | "twice" | undefined;
  readonly tested: { readonly state: string; readonly reason?: string } | undefined;
  readonly isDraft: boolean;
  readonly onChange: (rule: SiteRule | undefined) => void;
}

function RuleItem({ rule, problem, tested, isDraft, onChange }: RuleItemProps) {
  const { state, texts, formats } = useApp();
  const { rules: words } = texts;
  const status = state.site.rulesStatus?.rules.find(({ name }) => name === rule.name);
  const fired = status?.firedAt === undefined ? undefined : instantToMs(status.firedAt);
  const would: Readonly<Record<string, string>> = words.wouldBe;
  const isEmpty = rule.rule === "" && rule.name === "";
  return (
    <li class="card rule" data-rule={rule.name}>
      <div class="rule-head">
        <label>
          <span class="visually-hidden">{words.name}</span>
          <input
            class="rule-name"
            type="text"
            maxLength={48}
            placeholder={words.name}
            value={rule.name}
            onInput={(event) => onChange({ ...rule, name: event.currentTarget.value })}
          />
        </label>
        <button
          type="button"
          class="icon-button"
          aria-label={`${words.remove} ${rule.name}`}
          onClick={() => onChange(undefined)}
        >
          <Icon name="close" />
        </button>
      </div>
      <label>
        <span class="visually-hidden">{words.rule}</span>
        <textarea
          rows={2}
          maxLength={200}
          spellcheck={false}
          autocapitalize="off"
          placeholder={words.example}
          value={rule.rule}
          aria-invalid={problem !== undefined}
          onInput={(event) => onChange({ ...rule, rule: event.currentTarget.value.replaceAll("\n", " ") })}
        />
      </label>
      {problem !== undefined && !isEmpty && (
        <p class="problem" role="alert">
          {words[problem]}
        </p>
      )}
      <label class="check">
        <input
          type="checkbox"
          checked={rule.isOff !== true}
          onChange={(event) => {
            const { isOff: _isOff, ...rest } = rule;
            onChange(event.currentTarget.checked ? rest : { ...rest, isOff: true });
          }}
        />
        {words.followed}
      </label>
      {!isDraft && status !== undefined && (
        <p class="hint" data-standing={status.state}>
          {[
            // The gateway knows better which value it is.
            status.state === "unknown" && status.reason !== undefined ? "" : words.standing[status.state],
            status.heldFor === undefined || status.state === "off" ? "" : words.heldFor(status.heldFor),
            fired === undefined ? "" : words.fired(formats.age(Math.max(0, state.now - fired - state.site.skewMs))),
            status.reason ?? "",
          ]
            .filter((each) => each !== "")
            .join(" · ")}
        </p>
      )}
      {tested !== undefined && (
        <p class="tested" role="status" data-tested={tested.state}>
          {tested.state === "unknown" && tested.reason !== undefined
            ? words.cantSay(tested.reason)
            : `${would[tested.state] ?? tested.state} ${tested.reason ?? ""}`}
        </p>
      )}
    </li>
  );
}
