import { beforeEach, describe, expect, it } from "vitest";
import { fuzzEndpoint } from "./endpoint/endpoint-fuzz.ts";
import { firstOscoreHost, OscoreHosts } from "./endpoint/oscore-hosts.ts";
import { PlainMessage } from "./endpoint/plain-message.ts";
import { Random } from "./endpoint/random.ts";
import { ReplyOracle } from "./endpoint/reply-oracle.ts";

/** A seed in the environment repeats a run: `FUZZ_SEED=7 vitest run test/fuzz/endpoint-fuzz.test.ts`. */
const seed = Number(process.env["FUZZ_SEED"] ?? Date.now() % 1_000_000_007);

it("no mutated datagram makes the endpoint throw, answer wrongly or hold more than its limits", async () => {
  const report = await fuzzEndpoint({ datagrams: 100_000, seed });
  expect(report.wrong, `npm run fuzz -- endpoint --seed ${seed} --datagrams 100000`).toEqual([]);
  // It got where answers are: a run that met only refusals would prove nothing.
  expect(report.counts["bodiesChecked"]).toBeGreaterThan(500);
  expect(report.counts["later"]).toBeGreaterThan(500);
  expect(report.counters["notificationsSent"]).toBeGreaterThan(100);
  expect(report.protectedCounts["verified"]).toBeGreaterThan(500);
  expect(report.protectedCounts["notifications"]).toBeGreaterThan(10);
  expect(report.counters["oscore.replayed"]).toBeGreaterThan(10);
  expect(report.counters["oscore.decryptionFailed"]).toBeGreaterThan(10);
}, 60_000);

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "hex"));

it.each([
  ["nothing, to a ping", "40000001", undefined, "said nothing"],
  ["a response, to a ping", "40000001", "60450001ff61", "more than a Reset"],
  ["to an acknowledgement", "60000001", "70000001", "acknowledgement or a Reset"],
  ["with another message ID", "40010001b4626f6479", "60840002", "another message ID"],
  ["with another token", "41010001aab4626f6479", "61840001bb", "another token"],
  ["4.04 for what is there", "41010001aab4626f6479", "61840001aa", "4.04 for a path"],
  ["success for what is not", "41010001aab16e", "61450001aa", "with success"],
  ["other bytes", "41010001aab4626f6479", "61450001aaff00ff", "wrong bytes"],
  ["three times too much", "40010001", `60450001ff${"61".repeat(60)}`, "unproven address"],
  ["an ACK to a NON request", "50010001b4626f6479", "60000001", "acknowledged a NON"],
])("the oracle sees an answer that is wrong: %s", (_name, asked, said, complaint) => {
  const oracle = new ReplyOracle(() => true);
  oracle.going(hex(asked), hex(asked).length, 1, false);
  if (said !== undefined) oracle.sent(hex(said), 0, hex(said).length, 1, true);
  oracle.gone(0);
  expect(oracle.wrong.join()).toContain(complaint);
});

it("the oracle sees answers to nobody's question, and those that never come", () => {
  const oracle = new ReplyOracle(() => false);
  oracle.sent(hex("51450001aa"), 0, 5, 1, false);
  oracle.sent(hex("41010001aa"), 0, 5, 1, false);
  oracle.going(hex("41010009aab56c61746572"), 11, 1, false);
  oracle.gone(0);
  oracle.timePassed(1000);
  expect(oracle.wrong.map((each) => each.split("\n")[0])).toEqual([
    "sent 1 a response to a request it never made",
    "asked 1, whom nobody told it to",
    expect.stringContaining("never acknowledged 41010009aa"),
  ]);
});

it("the second reader refuses what has no options' end", () => {
  const message = new PlainMessage();
  message.read(hex("40010001b4626f64"), 0, 8);
  expect(message.state).toBe("bad");
});

describe("the oracle sees answers to protected requests that are wrong", () => {
  const host = firstOscoreHost;
  let hosts: OscoreHosts;
  let oracle: ReplyOracle;
  let asked: Uint8Array;

  beforeEach(() => {
    hosts = new OscoreHosts(new Random(3));
    oracle = new ReplyOracle(() => false, hosts);
    const bytes = new Uint8Array(200);
    // Some come with more on their outside.
    do {
      bytes.set(hex("4101000baab4626f6479"));
      asked = bytes.slice(0, hosts.protect(bytes, 10, host));
    } while (asked.length !== 24);
    oracle.going(asked, asked.length, host, false);
  });

  const said = (text: string): string => {
    const token = Buffer.from(asked.subarray(4, 4 + (asked[0]! & 15))).toString("hex");
    const bytes = hex(text.replace("TT", `${token}`).replace(/^6./, `6${token.length / 2}`));
    oracle.sent(bytes, 0, bytes.length, host, true);
    return oracle.wrong.join();
  };

  it.each([
    ["success in the clear", "6045000bTTff61", "success in the clear"],
    ["an error for what is genuine", "6080000bTT", "refused what is genuine"],
    ["what doesn't verify", "6044000bTT90ff0102030405060708090a", "doesn't verify"],
    ["its true code outside", "6084000bTT90ff0102030405060708090a", "an outer code"],
  ])("%s", (_name, text, complaint) => {
    expect(said(text)).toContain(complaint);
  });

  it("a protected answer to a forgery", () => {
    asked[asked.length - 1]! ^= 1;
    oracle.going(asked, asked.length, host, false);
    expect(said("6044000bTT90ff0102030405060708090a")).toContain("forgery");
    expect(hosts.counts).toMatchObject({ genuine: 1, forged: 1 });
  });
});
