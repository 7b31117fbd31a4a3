import { de } from "./de.ts";
import { en, type Texts } from "./en.ts";

export const languages: Readonly<Record<string, Texts>> = { en, de };

/** The texts in the language that was chosen, else the first that the browser's owner reads, else English. */
export function textsFor(chosen: string | undefined, preferred: readonly string[]): Texts {
  for (const language of chosen === undefined ? preferred : [chosen, ...preferred]) {
    const texts = languages[language.slice(0, 2).toLowerCase()];
    if (texts !== undefined) return texts;
  }
  return en;
}
