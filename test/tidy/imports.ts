import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { type Room, rooms } from "./rooms.ts";

export interface Import {
  readonly from: string;
  /** A path of the checkout, or a package's or module's name. */
  readonly target: string;
  readonly isOurs: boolean;
}

const importPattern =
  /(?:^|\n)\s*(?:import|export)\s(?:[^"';]*?\sfrom\s*)?["']([^"']+)["']|import\(\s*["']([^"']+)["']\s*\)/g;

/** All static, re-exporting, type-only and literal dynamic imports of one source text. */
export function importsOf(file: string, source: string): Import[] {
  return [...source.matchAll(importPattern)].map((match) => {
    const specifier = match[1] ?? match[2] ?? "";
    const isOurs = specifier.startsWith(".");
    return { from: file, target: isOurs ? normalize(join(dirname(file), specifier)) : specifier, isOurs };
  });
}

/** Every .ts and .tsx file below a folder, as paths of the checkout. */
export function sourceFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => /\.tsx?$/.test(name))
    .map((name) => join(folder, name));
}

export function readImports(file: string): Import[] {
  return importsOf(file, readFileSync(file, "utf8"));
}

/** The name of the room a path stands in: the longest that starts it. */
export function roomOf(path: string): string | undefined {
  return Object.keys(rooms)
    .filter((room) => path.startsWith(`${room}/`))
    .sort((a, b) => b.length - a.length)[0];
}

/** One sentence for each import that the table of rooms doesn't allow. */
export function violations(imports: readonly Import[]): string[] {
  return imports.flatMap((each) => {
    const name = roomOf(each.from);
    if (name === undefined) return [`${each.from} stands in no room: add its folder to test/tidy/rooms.ts`];
    return isAllowed(name, rooms[name]!, each) ? [] : [`${each.from} (room ${name}) may not import ${each.target}`];
  });
}

function isAllowed(name: string, room: Room, { target, isOurs }: Import): boolean {
  if (!isOurs)
    return room.packages.some(
      (allowed) => target === allowed || target.startsWith(allowed.endsWith(":") ? allowed : `${allowed}/`),
    );
  const targetRoom = roomOf(target);
  return targetRoom !== undefined && (targetRoom === name || room.mayImport.includes(targetRoom));
}
