import type { Stamped } from "../model/site-state.ts";
import { ageMs } from "../model/staleness.ts";
import { useApp } from "./app-context.ts";
import { Icon } from "./icon.tsx";

/** Says how old a value is, once it is no longer now. */
export function AgeNote({ of, isStale }: { readonly of: Stamped<unknown> | undefined; readonly isStale: boolean }) {
  const { state, texts, formats } = useApp();
  if (of === undefined || !isStale) return null;
  return (
    <p class="age">
      <Icon name="clock" />
      {texts.ages.lastKnown(formats.age(ageMs(of, state.now)))}
    </p>
  );
}
