import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { artifactUri, parseArtifactUri } from "./artifact-uri.ts";
import { type Digest, digestFromBytes, digestHex } from "./digest.ts";
import { nodeId, reservedNodeIds } from "./node-id.ts";
import {
  type ManagerResource,
  managerPath,
  managerPaths,
  nodePath,
  nodePaths,
  parseManagerPath,
  parseNodePath,
} from "./paths.ts";

const node = nodeId("esp8266-xc92");
const digest = digestFromBytes(new Uint8Array(32).fill(0xab));
const parts = { node, update: "fw-1.1", digest, registration: "7", command: "c-1" };

describe("paths that mean nothing", () => {
  it.each([
    [],
    [""],
    ["nodes", ""],
    ["nodes", "UPPER"],
    ["nodes", "fleet"],
    ["nodes", "a/b"],
    ["nodes", "a", "nothing"],
    ["nodes", "a", "health", "more"],
    ["updates", "x".repeat(49)],
    ["updates", "a b", "status"],
    ["artifacts", "abcd"],
    ["Register"],
    ["register", ""],
    [":node"],
    ["rd", "a b"],
    ["system"],
  ])("%j", (...path: string[]) => {
    expect(parseManagerPath(path)).toBeUndefined();
    expect(parseNodePath(path)).toBeUndefined();
  });

  it("any segments give a path of ours or nothing, never an error", () => {
    const segment = fc.oneof(
      fc.string(),
      fc.constantFrom("nodes", "updates", "artifacts", "health", "proxy", "__proto__", "n1"),
    );
    fc.assert(
      fc.property(fc.array(segment, { maxLength: 5 }), (path) => {
        const parsed = parseManagerPath(path);
        if (parsed?.resource === "artifact") return;
        if (parsed) expect(build(parsed.resource, parsed.parts)).toEqual(path);
        parseNodePath(path);
      }),
      { numRuns: 2000 },
    );
  });
});

describe("the manager's paths", () => {
  it.each(Object.keys(managerPaths) as ManagerResource[])("%s is parsed as it was built", (resource) => {
    const built = build(resource, { ...parts, rest: ["system", "config"] });
    expect(built.every((segment) => segment !== "" && !segment.startsWith(":") && !segment.includes("/"))).toBe(true);
    expect(parseManagerPath(built)?.resource).toBe(resource);
    expect(build(resource, parseManagerPath(built)?.parts ?? {})).toEqual(built);
  });

  it("are those of the protocol", () => {
    expect(managerPath("nodeHealth", { node })).toEqual(["nodes", "esp8266-xc92", "health"]);
    expect(managerPath("register")).toEqual(["register"]);
    expect(managerPath("artifact", { digest })).toEqual(["artifacts", "ab".repeat(32)]);
    expect(managerPath("nodeProxy", { node, rest: ["a/b", "c"] })).toEqual([
      "nodes",
      "esp8266-xc92",
      "proxy",
      "a/b",
      "c",
    ]);
    expect(parseManagerPath(["nodes", "esp8266-xc92", "proxy"])).toEqual({
      resource: "nodeProxy",
      parts: { node, rest: [] },
    });
  });

  it("an artifact may be named by its digits or its whole digest", () => {
    for (const name of [digestHex(digest), digest, digest.toUpperCase().replace("SHA256", "sha256")])
      expect(parseManagerPath(["artifacts", name])).toEqual({ resource: "artifact", parts: { digest } });
  });

  it("reserved words are no node", () => {
    for (const word of reservedNodeIds) expect(parseManagerPath(["nodes", word])).toBeUndefined();
  });
});

describe("a node's paths", () => {
  it("are the same for itself and, on its gateway, for a child", () => {
    const child = nodeId("gw.00ff");
    for (const resource of Object.keys(nodePaths) as (keyof typeof nodePaths)[]) {
      expect(parseNodePath(nodePath(resource))).toEqual({ resource, child: undefined });
      expect(parseNodePath(nodePath(resource, child))).toEqual({ resource, child });
    }
    expect(nodePath("systemConfig", child)).toEqual(["nodes", "gw.00ff", "system", "config"]);
  });
});

describe("artifact URIs", () => {
  it("say who fetches in which attempt", () => {
    expect(artifactUri({ scheme: "http", host: "127.0.0.1", port: 8683, digest, node, attempt: "a1" })).toBe(
      `http://127.0.0.1:8683/artifacts/${"ab".repeat(32)}?attempt=a1`,
    );
    expect(artifactUri({ scheme: "coap", host: "::1", port: 5683, digest, node, attempt: "a1" })).toBe(
      `coap://[::1]:5683/artifacts/${"ab".repeat(32)}?ep=esp8266-xc92&attempt=a1`,
    );
  });

  it.each(["http", "coaps"] as const)("%s: parsed as built", (scheme) => {
    for (const host of ["manager.example", "fe80::1"]) {
      const uri = { scheme, host, port: 1, digest, attempt: "a-1", ...(scheme === "http" ? {} : { node }) };
      expect(parseArtifactUri(artifactUri(uri))).toEqual(uri);
    }
  });

  it.each([
    "",
    "http://h/artifacts/ab",
    `ftp://h:1/artifacts/${"ab".repeat(32)}?attempt=a`,
    `http://h:1/artifacts/${"ab".repeat(32)}?ep=N&attempt=a`,
  ])("%j is none", (text) => {
    expect(parseArtifactUri(text)).toBeUndefined();
  });
});

function build(resource: ManagerResource, values: object): readonly string[] {
  return (managerPath as (resource: ManagerResource, parts: object) => readonly string[])(
    resource,
    values as { digest: Digest },
  );
}
