import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { filterMatches } from "../../mqtt/topic-filter.ts";
import {
  type HardwareNumber,
  hardwareNumber,
  isSiteRequest,
  type SiteCommandName,
  SiteTopics,
  siteCommands,
  siteId,
  siteMessageKind,
} from "./site-topics.ts";

const topics = new SiteTopics();
const home = siteId("home-7");
const pack = hardwareNumber(Uint8Array.of(0x24, 0x0a, 0xc4, 0x00, 0x01, 0xff));
const matches = (filter: string, topic: string) => filterMatches(filter.split("/"), topic.split("/"));

describe("topics that are no household's", () => {
  it.each([
    "",
    "alfaspark",
    "alfaspark/",
    "alfaspark/home-7",
    "alfaspark/home-7/",
    "alfaspark/Home/aggregate",
    "alfaspark//aggregate",
    "alfaspark/home-7/aggregate/more",
    "alfaspark/home-7/240ac40001ff",
    "alfaspark/home-7/240ac40001ff/status",
    "alfaspark/home-7/240AC40001FF/telemetry",
    "alfaspark/home-7/240ac40001f/telemetry",
    "alfaspark/home-7/240ac40001ff/cmd",
    "alfaspark/home-7/240ac40001ff/cmd/",
    "alfaspark/home-7/240ac40001ff/cmd/set-mode/ack",
    "alfaspark/home-7/240ac40001ff/cmd/Set",
    "alfaspark/home-7/commands",
    "alfaspark/home-7/commands/+",
    "alfaspark/home-7/ack/",
    "alfaspark/home-7/ota",
    "alfaspark/home-7/ota/start",
    "alfaspark/home-7/socket/pump",
    "alfaspark/home-7/socket/Pump/cmd",
    "alfaspark/home-7/socket/pump/set",
    "alfaspark/home-7/telemetry",
    "alfaspark/+/aggregate",
    "cx/home-7/aggregate",
  ])("%j", (topic) => {
    expect(topics.parse(topic)).toBeUndefined();
  });

  it.each(["", "a/b", "+", "#", "ä", "a".repeat(65)])("%j is no root", (root) => {
    expect(() => new SiteTopics(root)).toThrow(TypeError);
  });

  it("builders refuse what would leave its level", () => {
    for (const name of ["", "a/b", "+", "#", "Pump"]) {
      expect(() => topics.socket(home, name)).toThrow(TypeError);
      expect(() => topics.socketCommand(home, name)).toThrow(TypeError);
      expect(() => topics.ack(home, name)).toThrow(TypeError);
      expect(() => siteId(name)).toThrow(TypeError);
    }
    expect(() => hardwareNumber(new Uint8Array(5))).toThrow(RangeError);
  });

  it("any text is parsed without an error", () => {
    const level = fc.constantFrom("alfaspark", "home-7", "240ac40001ff", "cmd", "socket", "ota", "rules", "", "+");
    fc.assert(fc.property(fc.array(level, { maxLength: 7 }), (levels) => void topics.parse(levels.join("/"))));
  });
});

describe("a household's topics", () => {
  const names = Object.keys(siteCommands) as SiteCommandName[];
  const packKinds = ["telemetry", "identity", "alarm"] as const;
  const siteKinds = ["aggregate", "master", "gateway", "update-status", "rules", "rules-status", "history"] as const;
  const requests = ["update-trigger", "rules-command"] as const;

  it("are parsed as built", () => {
    for (const kind of packKinds)
      expect(topics.parse(topics.ofPack(kind, home, pack))).toEqual({ kind, site: home, node: pack });
    for (const kind of [...siteKinds, ...requests])
      expect(topics.parse(topics.ofSite(kind, home))).toEqual({ kind, site: home });
    for (const name of names) {
      expect(topics.parse(topics.command(home, name))).toEqual({ kind: "command", site: home, name });
      expect(topics.parse(topics.command(home, name, pack))).toEqual({ kind: "command", site: home, node: pack, name });
      expect(topics.parse(topics.ack(home, name))).toEqual({ kind: "ack", site: home, name });
    }
    expect(topics.parse(topics.socket(home, "pump"))).toEqual({ kind: "socket", site: home, socket: "pump" });
    expect(topics.parse(topics.socketCommand(home, "pump"))).toEqual({
      kind: "socket-command",
      site: home,
      socket: "pump",
    });
  });

  it("are those of the page", () => {
    expect(topics.ofPack("telemetry", home, pack)).toBe("alfaspark/home-7/240ac40001ff/telemetry");
    expect(topics.command(home, "set-mode", pack)).toBe("alfaspark/home-7/240ac40001ff/cmd/set-mode");
    expect(topics.command(home, "set-mode")).toBe("alfaspark/home-7/commands/set-mode");
    expect(topics.ofSite("update-trigger", home)).toBe("alfaspark/home-7/ota/trigger");
    expect(topics.socketCommand(home, "pump")).toBe("alfaspark/home-7/socket/pump/cmd");
  });

  const written = [
    ...packKinds.map((kind) => topics.ofPack(kind, home, pack)),
    ...siteKinds.map((kind) => topics.ofSite(kind, home)),
    ...names.map((name) => topics.ack(home, name)),
    topics.socket(home, "pump"),
  ];
  const asked = [
    ...requests.map((kind) => topics.ofSite(kind, home)),
    ...names.flatMap((name) => [topics.command(home, name), topics.command(home, name, pack)]),
    topics.socketCommand(home, "pump"),
  ];

  it("go in one direction each: what people ask for isn't what the gateway writes", () => {
    for (const topic of written) {
      expect(topics.fromGateway(home).filter((filter) => matches(filter, topic))).toHaveLength(1);
      expect(topics.toGateway(home).some((filter) => matches(filter, topic))).toBe(false);
      expect(isSiteRequest(topics.parse(topic)!)).toBe(false);
    }
    for (const topic of asked) {
      expect(topics.toGateway(home).filter((filter) => matches(filter, topic))).toHaveLength(1);
      expect(topics.fromGateway(home).some((filter) => matches(filter, topic))).toBe(false);
      expect(isSiteRequest(topics.parse(topic)!)).toBe(true);
    }
  });

  it("are closed to the phones of another household", () => {
    const others = topics.rightsOfPhone(siteId("home-8"));
    for (const topic of [...written, ...asked])
      for (const filter of [...others.publish, ...others.subscribe]) expect(matches(filter, topic)).toBe(false);
  });

  it("have a schema each, but for a command of a name that nobody knows", () => {
    for (const topic of [...written, ...asked]) expect(siteMessageKind(topics.parse(topic)!)).toMatch(/^site-/);
    const unknown = topics.parse(`alfaspark/home-7/${pack as HardwareNumber}/cmd/explode`)!;
    expect(siteMessageKind(unknown)).toBeUndefined();
  });
});
