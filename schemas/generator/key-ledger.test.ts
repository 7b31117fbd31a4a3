import { describe, expect, it } from "vitest";
import { extendLedger, type KeyLedger } from "./key-ledger.ts";
import { type Model, readModel } from "./model.ts";

const model = readModel(new URL("../json", import.meta.url).pathname);

/** The model with one property of the command renamed or given another key. */
function changed(name: string, to: { name?: string; key?: number }): Model {
  const kinds = model.kinds.map((kind) => {
    if (kind.name !== "command" || kind.shape.kind !== "object") return kind;
    return {
      ...kind,
      shape: {
        ...kind.shape,
        fields: kind.shape.fields.map((field) => (field.name === name ? { ...field, ...to } : field)),
      },
    };
  });
  return { ...model, kinds };
}

describe("integers of properties and words", () => {
  const ledger: KeyLedger = extendLedger({}, model);

  it("can't change", () => {
    expect(() => extendLedger(ledger, changed("expires", { key: 9 }))).toThrow("Command.expires has 3");
  });

  it("can't go to another name, also when the first one is gone", () => {
    expect(() => extendLedger(ledger, changed("expires", { name: "until" }))).toThrow("3 belongs to expires");
  });

  it("of new names are added, and those of old ones kept", () => {
    const extended = extendLedger(ledger, changed("reason", { name: "why", key: 20 }));
    expect(extended["Command"]).toMatchObject({ reason: 4, why: 20, command: 1 });
    expect(extendLedger(extended, model)).toEqual(extended);
  });

  it("include those of words and of every variant", () => {
    expect(ledger["Phase"]).toMatchObject({ boot: 1, terminated: 7 });
    expect(ledger["Action"]).toMatchObject({ rev: 1, uris: 7, expires: 15 });
  });
});
