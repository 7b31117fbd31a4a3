import type { Answer, Ask } from "../model/asked-commands.ts";
import type { Texts } from "../texts/en.ts";
import { useApp } from "./app-context.ts";
import { Icon } from "./icon.tsx";
import { packName } from "./pack-name.ts";

/** What became of the last thing asked for at one control: the answer stands where the question was put. */
export function AskNote({ control }: { readonly control: string }) {
  const { state, store, texts } = useApp();
  const ask = state.asks[control];
  // The region is there before its text, or screen readers wouldn't speak it.
  return (
    <div class="ask" role="status" data-control={control} data-state={ask?.state}>
      {ask !== undefined && (
        <>
          <div class="ask-text">{textOf(ask, texts, (node) => packName(state.site, node, texts))}</div>
          {ask.state !== "waiting" && ask.state !== "done" && (
            <button
              type="button"
              class="icon-button"
              aria-label={texts.asked.dismiss}
              onClick={() => store.dismiss(control)}
            >
              <Icon name="close" />
            </button>
          )}
        </>
      )}
    </div>
  );
}

function textOf(ask: Ask, texts: Texts, nameOf: (node: string) => string) {
  const { asked } = texts;
  if (ask.state !== "refused") return asked[ask.state];
  const bad = ask.answers.filter(({ outcome }) => outcome !== "done");
  const reasons = new Set(bad.map((answer) => reasonOf(answer, texts)));
  // One control for one pack, or all of them for the same reason: the reason alone says it.
  if (ask.expected.length <= 1 || (reasons.size === 1 && bad.length === ask.expected.length))
    return [...reasons].join("; ");
  return (
    <>
      {asked.some(bad.length, ask.expected.length)}
      <ul>
        {bad.map((answer) => (
          <li key={answer.from}>
            {answer.from === undefined ? "" : `${nameOf(answer.from)}: `}
            {reasonOf(answer, texts)}
          </li>
        ))}
      </ul>
    </>
  );
}

/** The pack's word in the reader's language; else what the gateway says. */
function reasonOf({ outcome, result, reason }: Answer, { asked }: Texts): string {
  const known: Readonly<Record<string, string>> = asked.result;
  const word = result === undefined || !Object.hasOwn(known, result) ? undefined : known[result];
  return word ?? reason ?? asked.outcome[outcome];
}
