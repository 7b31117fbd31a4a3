import { Ajv } from "ajv";
import standalone from "ajv/dist/standalone/index.js";
import { rolldown } from "rolldown";
import type { Json, Model } from "./model.ts";

/** What only people and other emitters read; left out so that the validators stay small. */
const annotations = new Set(["$schema", "$id", "title", "description", "default"]);

/**
 * One self-contained module that holds ajv's ahead-of-time validators. ajv emits `require` of its runtime even for ESM, so
 * requires become imports and the whole is bundled once: nothing of a vendor is imported when the program runs.
 */
export async function emitRawValidators(model: Model, notice: string): Promise<string> {
  const definitions: Record<string, unknown> = {};
  for (const [name, schema] of Object.entries(model.definitions["$defs"] as Json)) definitions[name] = lower(schema);
  for (const kind of model.kinds) definitions[kind.name] = lower(kind.schema);
  const ajv = new Ajv({
    code: { source: true, esm: true },
    strict: true,
    strictTypes: false,
    strictRequired: false,
    discriminator: true,
    inlineRefs: false,
    messages: false,
    schemas: [{ $id: "messages", definitions }],
  });
  const names = Object.fromEntries(
    model.kinds.map((kind) => [validatorName(kind.title), `messages#/definitions/${kind.name}`]),
  );
  const emit = standalone as unknown as { default?: typeof standalone } & typeof standalone;
  const source = (emit.default ?? emit)(ajv as never, names).replace(
    /const (\w+) = require\("([^"]+)"\)(\.default)?;/g,
    (_whole, name: string, from: string, isDefault?: string) =>
      isDefault
        ? `import ${name}_module from "${from}.js"; const ${name} = ${name}_module.default ?? ${name}_module;`
        : `import ${name} from "${from}.js";`,
  );
  const entry = "\0validators";
  const bundle = await rolldown({
    input: entry,
    cwd: `${import.meta.dirname}/../..`,
    treeshake: true,
    plugins: [
      {
        name: "validators",
        resolveId: (id: string) => (id === entry ? id : undefined),
        load: (id: string) => (id === entry ? source : undefined),
      },
    ],
  });
  const { output } = await bundle.generate({ format: "esm", comments: false });
  await bundle.close();
  const code = output[0].code;
  if (/(?<!")\brequire\(|^import\b/m.test(code)) throw new Error("the validators still import something");
  return `${notice}\n// @ts-nocheck\n${code.replaceAll(/^\/\/#(end)?region.*\n/gm, "").replaceAll("\0", "")}`;
}

/** The rules alone, with every reference inside one document so that ajv compiles a shared definition once. */
function lower(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(lower);
  if (typeof schema !== "object" || schema === null) return schema;
  const lowered: Record<string, unknown> = {};
  for (const [keyword, value] of Object.entries(schema)) {
    if (keyword === "properties") {
      lowered[keyword] = Object.fromEntries(Object.entries(value as Json).map(([name, sub]) => [name, lower(sub)]));
    } else if (keyword === "$ref") {
      lowered[keyword] = String(value)
        .replace(/^.*#\/\$defs\//, "#/definitions/")
        .replace(/^(.*)\.schema\.json$/, "#/definitions/$1");
    } else if (!annotations.has(keyword) && !keyword.startsWith("x-")) {
      lowered[keyword] = lower(value);
    }
  }
  return lowered;
}

/** The typed face of the raw validators. */
export function emitValidators(model: Model, notice: string): string {
  const imports = model.kinds.map((kind) => `  ${validatorName(kind.title)},\n`).join("");
  const entries = model.kinds
    .map(
      (kind) =>
        `  ${JSON.stringify(kind.name)}: ${validatorName(kind.title)} as unknown as Validator<Messages[${JSON.stringify(kind.name)}]>,\n`,
    )
    .join("");
  return `${notice}
import {
${imports}} from "./raw-validators.ts";
import type { MessageKind, Messages } from "./types.ts";

/** Says whether a value is a T, and leaves in \`errors\` what was wrong when it is not. */
export interface Validator<T> {
  (value: unknown): value is T;
  errors?: readonly ValidationError[] | null;
}

export interface ValidationError {
  /** JSON Pointer to the value that broke the rule. */
  readonly instancePath: string;
  /** The keyword of the schema, such as \`maxLength\`. */
  readonly keyword: string;
  readonly params: Readonly<Record<string, unknown>>;
}

export const validators: { readonly [K in MessageKind]: Validator<Messages[K]> } = {
${entries}};
`;
}

function validatorName(title: string): string {
  return `validate${title}`;
}
