import type { GridImport } from "../../../schemas/generated/types.ts";
import { useApp } from "./app-context.ts";
import { Icon } from "./icon.tsx";

/** How much of the day's import limit is used. */
export function ImportMeter({
  used,
  limit,
  isLockedOut,
}: {
  readonly used: number | undefined;
  readonly limit: number | undefined;
  readonly isLockedOut: boolean;
}) {
  const { texts, formats } = useApp();
  const { overview } = texts;
  const share = used === undefined || limit === undefined || limit === 0 ? undefined : Math.min(1, used / limit);
  const free = used === undefined ? texts.unknown : overview.noLimit;
  const limited = limit === undefined ? free : overview.importLimit(formats.decimal(limit, 0));
  const words = isLockedOut ? overview.lockedOut : limited;
  return (
    <div class="meter" data-locked={isLockedOut}>
      <p>
        <span>{overview.importToday}</span>
        <b>{used === undefined ? formats.energy(used) : `${formats.decimal(used, 2)} kWh`}</b>
      </p>
      {share !== undefined && limit !== undefined && (
        <progress max={limit} value={Math.min(limit, used ?? 0)} aria-label={overview.importToday}>
          {formats.percent(share * 100)}
        </progress>
      )}
      <p class="hint">
        {isLockedOut && <Icon name="lock" />}
        {words}
      </p>
    </div>
  );
}

/** Sums of the packs whose limit is on; used is of all where none is. */
export function importOf(imports: readonly (GridImport | undefined)[]): {
  used: number | undefined;
  limit: number | undefined;
} {
  const known = imports.filter((each) => each !== undefined);
  const limited = known.filter(({ state, limit }) => state !== "off" && state !== undefined && limit !== undefined);
  const counted = limited.length > 0 ? limited : known;
  return {
    used: counted.length === 0 ? undefined : counted.reduce((sum, { used }) => sum + used, 0),
    limit: limited.length === 0 ? undefined : limited.reduce((sum, { limit = 0 }) => sum + limit, 0),
  };
}
