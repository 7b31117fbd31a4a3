import { describe, expect, test } from "vitest";
import { encodeJson } from "../../schemas/wire/codec.ts";
import type { HardwareNumber } from "../../schemas/wire/site-topics.ts";
import { noProgress, type PackUpdateNews, siteUpdateStatus, type UpdateProgress, withNews } from "./update-progress.ts";

const [a, b] = ["a0b1c2d3e401", "a0b1c2d3e402"] as [HardwareNumber, HardwareNumber];
const action = { update: "u-1", version: "2.6" };
const report = (state: string, more: object = {}): PackUpdateNews =>
  ({ kind: "report", report: { state, ...more } }) as PackUpdateNews;

function lived(...news: (readonly [HardwareNumber, PackUpdateNews])[]): UpdateProgress {
  return news.reduce((progress, [pack, each]) => withNews(progress, pack, action, each), noProgress);
}

describe("an update as the household sees it", () => {
  test.each([
    [[report("deferred", { reason: "another-pack" })], "waiting", "waiting"],
    [[report("downloading", { percent: 0, way: "http" })], "fetching", "running"],
    [[report("downloading", { percent: 40, way: "can", bytes: 4, total: 10 })], "transferring", "running"],
    [[report("verifying", { way: "can" })], "verifying", "running"],
    [[report("staged")], "restarting", "running"],
    [[report("trial")], "testing", "running"],
    [[{ kind: "interrupted", reason: "bus-down" }], "waiting", "waiting"],
    [[{ kind: "ended", outcome: "done" }], "done", "done"],
    [[{ kind: "ended", outcome: "refused", reason: "unknown-signer" }], "failed", "failed"],
    [
      [report("rolled-back", { reason: "self-test" }), { kind: "ended", outcome: "failed", reason: "self-test" }],
      "rolled-back",
      "failed",
    ],
    [[{ kind: "ended", outcome: "cancelled" }], "cancelled", "stopped"],
  ] as [PackUpdateNews[], string, string][])("%j: the pack is %s, all are %s", (news, step, state) => {
    const status = siteUpdateStatus(lived(...news.map((each) => [a, each] as const)), undefined);
    expect(status.nodes[0]?.state).toBe(step);
    expect(status.state).toBe(state);
    encodeJson("site-update-status", status);
  });

  test("is idle before anything was offered", () => {
    expect(siteUpdateStatus(noProgress, undefined)).toEqual({ state: "idle", nodes: [], resumed: 0 });
  });

  test("counts bytes on the bus alone, of all packs together, and cuts", () => {
    const progress = lived(
      [a, { kind: "ended", outcome: "done" }],
      [b, report("downloading", { percent: 90, way: "http" })],
      [b, report("downloading", { percent: 40, way: "can", bytes: 4, total: 10 })],
      [b, { kind: "interrupted", reason: "pack-silent" }],
    );
    const status = siteUpdateStatus(progress, b);
    expect(status).toMatchObject({ percent: 70, resumed: 1, current: b, reason: "pack-silent" });
  });

  test("of another version begins anew with the packs that it was offered to", () => {
    const before = lived([a, { kind: "ended", outcome: "done" }], [b, { kind: "ended", outcome: "done" }]);
    const next = withNews(before, a, { update: "u-2", version: "2.7" }, report("deferred"));
    expect(siteUpdateStatus(next, undefined)).toMatchObject({
      ...{ state: "waiting", update: "u-2", version: "2.7" },
      nodes: [{ node: a, state: "waiting", percent: 0 }],
    });
  });
});
