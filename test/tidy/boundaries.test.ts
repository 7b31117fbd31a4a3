import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { importsOf, readImports, sourceFiles, violations } from "./imports.ts";

const houses = ["kernel", "schemas", "coap", "mqtt", "agent", "manager", "gateway"];
const files = houses
  .filter((folder) => existsSync(folder))
  .flatMap(sourceFiles)
  .filter((file) => !file.endsWith(".test.ts"));

describe("the rooms of the house", () => {
  const imports = files.flatMap(readImports);

  it("import only what the table allows", () => {
    expect(violations(imports)).toEqual([]);
  });

  it("are really read: files and imports are there in number", () => {
    expect(files.length).toBeGreaterThan(40);
    expect(imports.filter((each) => each.isOurs).length).toBeGreaterThan(100);
  });

  it.each([
    ["coap/exchange.ts", `import type { NodeId } from "../schemas/wire/node-id.ts";`],
    ["manager/domain/presence.ts", `import { createServer } from "node:http";`],
    ["manager/adapters/http/server.ts", `export { route } from "../coap/routes.ts";`],
    ["manager/app/registry.ts", `const later = await import("../adapters/storage/sqlite-storage.ts");`],
    ["kernel/clock.ts", `import {\n  systemClock,\n} from "./system/system-clock.ts";`],
    ["attic/thing.ts", `import "../kernel/clock.ts";`],
  ])("are guarded: a planted import in %s is found", (file, source) => {
    expect(violations(importsOf(file, source))).toHaveLength(1);
  });
});
