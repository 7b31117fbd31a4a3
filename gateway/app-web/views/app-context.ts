import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { AppState } from "../store/app-state.ts";
import type { AppStore } from "../store/app-store.ts";
import type { Texts } from "../texts/en.ts";
import type { Formats } from "./formats.ts";

export interface App {
  readonly state: AppState;
  readonly store: AppStore;
  readonly texts: Texts;
  readonly formats: Formats;
}

export const AppContext = createContext<App | undefined>(undefined);

/** What every view may use. */
export function useApp(): App {
  const app = useContext(AppContext);
  if (app === undefined) throw new Error("a view stands outside of the app");
  return app;
}
