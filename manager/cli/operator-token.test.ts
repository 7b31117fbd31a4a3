import { expect, test } from "vitest";
import { operatorToken } from "./operator-token.ts";

test("a data folder that was named and has no token is an error that says how to name the right one", () => {
  const asked = (): unknown => operatorToken("/nonexistent", {});
  expect(asked).toThrow("/nonexistent/admin-token (ENOENT)");
  expect(asked).toThrow(expect.objectContaining({ code: "no-token", next: expect.stringContaining("--data-dir") }));
});

test("without a folder named there need be no token, and COXSWAIN_TOKEN goes before any", () => {
  expect(operatorToken(undefined, { COXSWAIN_DATA_DIR: "/nonexistent" })).toBeUndefined();
  expect(operatorToken("/nonexistent", { COXSWAIN_TOKEN: "cxt_1" })).toBe("cxt_1");
});
