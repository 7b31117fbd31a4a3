import type { Standing } from "../model/mode-view.ts";
import { useApp } from "./app-context.ts";

interface SwitchProps {
  readonly control: string;
  readonly label: string;
  readonly standing: Standing;
  readonly onToggle: (on: boolean) => void;
}

/** Shows what is, or while an answer is awaited what was asked for. */
export function Switch({ control, label, standing, onToggle }: SwitchProps) {
  const { state } = useApp();
  const ask = state.asks[control];
  const isWaiting = ask?.state === "waiting";
  const shown = isWaiting && ask.wanted !== undefined ? (ask.wanted ? "on" : "off") : standing;
  return (
    <button
      type="button"
      role="switch"
      class="switch"
      aria-label={label}
      aria-checked={shown === "on"}
      aria-busy={isWaiting}
      data-standing={shown}
      // Asking twice would be two commands on the bus.
      disabled={isWaiting}
      onClick={() => onToggle(shown !== "on")}
    >
      <span class="knob" />
    </button>
  );
}
