import { useApp } from "./app-context.ts";

/** Ten pixels as on the pack itself; a dash where no charge was ever heard. */
export function ChargeBar({ charge, isOld }: { readonly charge: number | undefined; readonly isOld: boolean }) {
  const { texts, formats } = useApp();
  const lit = charge === undefined ? 0 : Math.max(1, Math.floor(charge / 10));
  return (
    <div class="charge" data-old={isOld} data-low={charge !== undefined && charge <= 20}>
      <span class="charge-pixels" aria-hidden="true">
        {Array.from({ length: 10 }, (_, index) => (
          <i key={index} data-lit={index < lit} />
        ))}
      </span>
      <b data-value="SOC">
        <span class="visually-hidden">{texts.packs.charge} </span>
        {formats.percent(charge)}
      </b>
    </div>
  );
}
