import { expect, test } from "vitest";
import { refusal } from "./manager-client.ts";

function answer(code: string): string {
  return JSON.stringify({ error: { code, message: "No.", next: "GET /api/v1/somewhere says more." } });
}

test("an answer that no manager gives says that something else listens there", () => {
  expect(refusal(404, "<h1>Not Found</h1>")).toMatchObject({
    code: "not-a-manager",
    next: expect.stringContaining("Check --url"),
  });
});

test.each([
  ["bad-body", "--help"],
  ["unknown-node", "`coxswain nodes`"],
  ["unknown-update", "`coxswain update list`"],
  ["update-unsigned", "--unsigned-updates"],
  ["no-credentials", "`coxswain node credentials ID`"],
  ["unknown-certificate", "`coxswain ca list`"],
  ["certificate-of-node", "`coxswain node revoke ID`"],
])("the next step of %s is for the command line, not for programs that ask the API", (code, next) => {
  const failure = refusal(404, answer(code));
  expect(failure).toMatchObject({ code, message: "No." });
  expect(failure.next).toContain(next);
  expect(failure.next).not.toContain("/api/");
});

test("an error that has no command of its own keeps the API's next step", () => {
  expect(refusal(400, answer("bad-query")).next).toBe("GET /api/v1/somewhere says more.");
});
