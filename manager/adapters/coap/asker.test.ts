import { describe, expect, test } from "vitest";
import type { CoapRequest, PeerIdentity } from "../../../coap/route.ts";
import { Authoriser, type Principal } from "../../domain/authoriser.ts";
import { noLabels } from "../../domain/node-labels.ts";
import { type Asker, AskerRules } from "./asker.ts";

interface Asked {
  readonly queries?: readonly string[];
  readonly identity?: PeerIdentity;
  readonly isLoopback?: boolean;
}

function request({ queries = [], identity = { kind: "none" }, isLoopback = true }: Asked): CoapRequest {
  const address = isLoopback ? "127.0.0.1" : "192.0.2.7";
  const query = (name: string) => queries.find((each) => each.startsWith(`${name}=`))?.slice(name.length + 1);
  return { peer: { address, port: 5683, family: 4, isLoopback, row: 0, identity }, queries, query } as CoapRequest;
}

const rules = {
  authoriser: new Authoriser({ labelsOf: () => noLabels }),
  principalOf: (name: string): Principal | undefined =>
    name === "ann" ? { id: "ann", role: "viewer", scopes: [] } : undefined,
};
const secure = new AskerRules({ ...rules, isInsecure: false });
const insecure = new AskerRules({ ...rules, isInsecure: true });
const credential = (id: string): PeerIdentity => ({ kind: "node", id, scheme: "psk" });
const operator: PeerIdentity = { kind: "operator", id: "ann", scheme: "oscore" };

const words = (asker: Asker): string =>
  asker.kind === "refused" ? asker.refusal : asker.kind === "node" ? `${asker.node} ${asker.how}` : asker.actor.id;

describe("without a credential and without --insecure", () => {
  test.each(["ep=esp-1", "as=operator", ""])("nobody is served (%s)", (query) => {
    const asked = request({ queries: query === "" ? [] : [query] });
    expect(words(secure.node(asked, "esp-1"))).toBe("no-identity");
    expect(["no-identity", "operators-only"]).toContain(words(secure.operator(asked)));
    expect(words(secure.writer(asked, "esp-1"))).toBe("no-identity");
    expect(words(secure.lookup(asked))).toBe("no-identity");
  });
});

describe("with a credential", () => {
  const own = request({ identity: credential("esp-1") });
  test("a node is who its credential says, whatever the mode", () => {
    expect(words(secure.node(own))).toBe("esp-1 credential");
    expect(words(insecure.node(own, "esp-1"))).toBe("esp-1 credential");
  });
  test("a body or an ep that says otherwise is refused, under --insecure too", () => {
    expect(words(secure.node(own, "esp-2"))).toBe("other-identity");
    const other = request({ identity: credential("esp-1"), queries: ["ep=esp-2"] });
    expect(words(insecure.node(other))).toBe("other-identity");
  });
  test("a node is no operator, not even when it says so", () => {
    const said = request({ identity: credential("esp-1"), queries: ["as=operator"] });
    expect(words(insecure.operator(said))).toBe("operators-only");
    expect(words(insecure.either(said))).toBe("esp-1 credential");
  });
  test("an operator is one from anywhere", () => {
    expect(words(secure.operator(request({ identity: operator, isLoopback: false })))).toBe("ann");
    expect(words(secure.eitherByName(request({ identity: operator })))).toBe("ann");
  });
  test("an operator whose account is gone is nobody, with keys that are still good", () => {
    const gone = request({ identity: { ...operator, id: "bob" } });
    for (const rules of [secure, insecure]) {
      expect(words(rules.operator(gone))).toBe("no-identity");
      expect(words(rules.lookup(gone))).toBe("no-identity");
      expect(words(rules.reader(gone, "esp-1"))).toBe("no-identity");
    }
  });
  test("an operator can't speak for a node", () => {
    expect(words(secure.writer(request({ identity: operator }), "esp-1"))).toBe("no-node-id");
  });
});

describe("under --insecure without a credential", () => {
  test("the id comes from ep or the body, and both must agree", () => {
    expect(words(insecure.node(request({ queries: ["ep=esp-1"] })))).toBe("esp-1 claimed");
    expect(words(insecure.node(request({}), "esp-1"))).toBe("esp-1 claimed");
    expect(words(insecure.node(request({ queries: ["ep=esp-1"] }), "esp-2"))).toBe("other-identity");
  });
  test("without one, or with one that is none, it is a bad request that names the rule", () => {
    expect(words(insecure.node(request({})))).toBe("no-node-id");
    const bad = insecure.node(request({ queries: ["ep=Über"] }));
    expect(bad).toMatchObject({ refusal: "bad-node-id", detail: expect.stringContaining("a-z") });
    expect(words(insecure.node(request({ queries: ["ep=fleet"] })))).toBe("bad-node-id");
  });
  test("who names no node is an operator, on this machine only", () => {
    expect(words(insecure.operator(request({})))).toBe("local");
    expect(words(insecure.operator(request({ isLoopback: false })))).toBe("operator-elsewhere");
    expect(words(insecure.operator(request({ queries: ["ep=esp-1"] })))).toBe("operators-only");
  });
  test("on /updates an operator must say so, since a forgetful node shall not see everything", () => {
    expect(words(insecure.eitherByName(request({})))).toBe("no-node-id");
    expect(words(insecure.eitherByName(request({ queries: ["as=operator"] })))).toBe("local");
  });
});

describe("below /nodes/{owner}/", () => {
  test("the path alone is a claim under --insecure, and the body must agree with it", () => {
    expect(words(insecure.writer(request({}), "esp-1"))).toBe("esp-1 claimed");
    expect(words(insecure.writer(request({}), "esp-1", "esp-2"))).toBe("other-identity");
    expect(words(insecure.writer(request({}), "Not An Id"))).toBe("bad-node-id");
  });
  test("another node neither reads nor writes", () => {
    const other = request({ queries: ["ep=esp-2"] });
    expect(words(insecure.writer(other, "esp-1"))).toBe("not-your-resource");
    expect(words(insecure.reader(other, "esp-1"))).toBe("not-your-resource");
    expect(words(secure.writer(request({ identity: credential("esp-2") }), "esp-1"))).toBe("not-your-resource");
  });
  test("a gateway writes for its own children only", () => {
    const gateway = request({ identity: credential("gw-1") });
    expect(words(secure.writer(gateway, "gw-1.0a"))).toBe("gw-1 credential");
    expect(words(secure.writer(gateway, "gw-1.xyz"))).toBe("not-your-resource");
    expect(words(secure.writer(gateway, "gw-2.0a"))).toBe("not-your-resource");
  });
});
