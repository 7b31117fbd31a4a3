import { readFileSync } from "node:fs";

interface Reason {
  readonly word: string;
  readonly stage: string;
  /** Who says it. `node`: the firmware's core, by the enum; `transport`: a status of a download, a fault of TLS; `boot`: the boot loader. */
  readonly from: "node" | "transport" | "boot" | "gateway" | "manager";
  /** Passes by itself: a rollout tries again. */
  readonly isTransient: boolean;
  readonly meaning: string;
  /** What a person can do. */
  readonly next?: string;
}

export interface Reasons {
  /** By stage, in the order in which an attempt meets them. */
  readonly about: ReadonlyMap<string, string>;
  readonly list: readonly Reason[];
}

interface File {
  readonly stages: Record<
    string,
    { readonly about: string; readonly reasons: Record<string, Partial<Reason> & { meaning: string }> }
  >;
}

/** Throws where a word is no code or stands twice. */
export function readAttemptReasons(path: string): Reasons {
  const { stages } = JSON.parse(readFileSync(path, "utf8")) as File;
  const list = Object.entries(stages).flatMap(([stage, { reasons }]) =>
    Object.entries(reasons).map(([word, row]): Reason => ({ from: "node", isTransient: false, ...row, word, stage })),
  );
  const seen = new Set<string>();
  for (const { word } of list) {
    if (!/^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/.test(word) || word.length > 40)
      throw new Error(`${path}: ${word} is no code`);
    if (seen.has(word)) throw new Error(`${path}: ${word} stands twice`);
    seen.add(word);
  }
  return { about: new Map(Object.entries(stages).map(([stage, { about }]) => [stage, about])), list };
}

/** The list for the manager and the command line. */
export function emitReasonTypes({ list }: Reasons, notice: string): string {
  const rows = list.map(
    (reason) => `  ${reason.word.includes("-") ? `"${reason.word}"` : reason.word}: ${row(reason)},\n`,
  );
  return `${notice}

/** Why an attempt ends otherwise than well, by its code. Codes are API; nodes of other versions may know more. */
export const attemptReasons = {
${rows.join("")}} as const;

export type AttemptReason = keyof typeof attemptReasons;

/** Those of one stage of an attempt. */
export type ReasonOf<Stage extends string> = {
  [Word in AttemptReason]: (typeof attemptReasons)[Word] extends { readonly stage: Stage } ? Word : never;
}[AttemptReason];
`;
}

function row({ stage, isTransient, meaning, next }: Reason): string {
  const members = [`stage: "${stage}"`, `isTransient: ${isTransient}`, `meaning: ${JSON.stringify(meaning)}`];
  return `{ ${[...members, ...(next === undefined ? [] : [`next: ${JSON.stringify(next)}`])].join(", ")} }`;
}

/** The enum of what core itself says. */
export function emitReasonCpp({ list }: Reasons, notice: string): string {
  const own = list.filter(({ from }) => from === "node");
  return `${notice}
// Why an attempt at an update ends otherwise than well, as far as core says it.
#pragma once

#include <cstdint>

namespace cx {

enum class [[nodiscard]] AttemptReason : uint8_t {
  none,  // nothing is wrong so far
${own.map(({ word, meaning }) => `  ${camel(word)},  // ${meaning}\n`).join("")}};

// "manifest-too-large", ...; "" for none.
inline const char* attemptReasonWord(AttemptReason reason) {
  switch (reason) {
    case AttemptReason::none: return "";
${own.map(({ word }) => `    case AttemptReason::${camel(word)}: return "${word}";\n`).join("")}  }
  return "";
}

}  // namespace cx
`;
}

/** The list for people. */
export function emitReasonReference({ about: stages, list }: Reasons, notice: string): string {
  const parts = [...stages].map(([stage, about]) => {
    const rows = list
      .filter((reason) => reason.stage === stage)
      .map(
        ({ word, from, isTransient, meaning, next = "" }) =>
          `| \`${word}\` | ${from === "transport" || from === "boot" ? "node" : from} | ${isTransient ? "yes" : ""} | ${meaning} | ${next} |\n`,
      );
    return `## ${about}\n| code | said by | passes | meaning | what to do |\n|---|---|---|---|---|\n${rows.join("")}`;
  });
  return `<!-- ${notice.slice(3)} -->

# Reasons of an attempt

Why an attempt at an update ended otherwise than well: on the attempt (\`coxswain update show\`, \`coxswain node show\`, the API's \`reason\`) and in the node's answer to the action. The enum in
the firmware, the manager's list and this page are made of \`schemas/attempt-reasons.json\`. A rollout tries again by itself what passes.

Two more have a number: \`http-CODE\` and \`coap-CODE\`, what a server answered (\`http-404\`, \`coap-503\`). 5xx, 408 and 429 pass. \`silent in STATE\` is the manager's, with the state \`expired\`.

${parts.join("\n")}`;
}

/** `short` is a word of C++. */
function camel(word: string): string {
  if (word === "short") return "tooShort";
  return word.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
}
