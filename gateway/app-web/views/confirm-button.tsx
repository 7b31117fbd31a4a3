import { useEffect, useState } from "preact/hooks";
import { useApp } from "./app-context.ts";

const armedMs = 5_000;

/** For what can't be taken back: the first press asks, a second within five seconds does it. */
export function ConfirmButton({ label, onConfirm }: { readonly label: string; readonly onConfirm: () => void }) {
  const { texts } = useApp();
  const [isArmed, setArmed] = useState(false);
  useEffect(() => {
    if (!isArmed) return;
    const timer = setTimeout(() => setArmed(false), armedMs);
    return () => clearTimeout(timer);
  }, [isArmed]);
  const press = (): void => {
    setArmed(!isArmed);
    if (isArmed) onConfirm();
  };
  return (
    <button type="button" class="button" data-armed={isArmed} onClick={press}>
      {isArmed ? `${label}: ${texts.more.sure}` : label}
    </button>
  );
}
