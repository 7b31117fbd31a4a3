import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { statusReportShape } from "../generated/cbor-keys.ts";
import type { StatusReport } from "../generated/types.ts";
import { readCbor } from "./cbor.ts";
import { writeCbor } from "./cbor-writer.ts";
import { cborFormat, decode, encodeCbor } from "./codec.ts";
import { SteadyReport } from "./steady-report.ts";

/** Everything that may differ between a report and a steady one after it. */
const figures = [
  ...["uptime", "freeHeap", "minFreeHeap", "stackHighWater", "cpuPercent", "memoryPercent", "temperature", "rssi"],
  ...["battery", "mqttReconnects", "coapRetransmits", "sensorErrors", "timestamp"],
];

const unsigned = fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 4_294_967_295 }));
const decimal = (min: number, max: number): fc.Arbitrary<number> =>
  fc.oneof(
    fc.integer({ min, max }),
    fc.integer({ min: min * 1000, max: max * 1000 }).map((each) => each / 1000),
  );

const report: fc.Arbitrary<StatusReport> = fc.record(
  {
    status: fc.constantFrom("healthy" as const, "degraded" as const, "unhealthy" as const),
    phase: fc.constantFrom("operational" as const, "maintenance" as const, "boot" as const),
    uptime: unsigned,
    resetReason: fc.constantFrom("", "power-on", "watchdog \u00e9"),
    bootCount: fc.integer({ min: 0, max: 70_000 }),
    version: fc.constantFrom("1.0.0", "1.0.1"),
    slot: fc.constantFrom("a" as const, "b" as const),
    confirmed: fc.boolean(),
    freeHeap: unsigned,
    minFreeHeap: unsigned,
    stackHighWater: unsigned,
    cpuPercent: decimal(0, 100),
    memoryPercent: decimal(0, 100),
    temperature: decimal(-274, 2000),
    rssi: fc.integer({ min: -150, max: 20 }),
    battery: decimal(0, 100),
    mqttReconnects: unsigned,
    coapRetransmits: unsigned,
    sensorErrors: unsigned,
    lastRev: fc.integer({ min: 0, max: 300 }),
    timestamp: fc.constantFrom("2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z"),
    services: fc.constantFrom([], [{ name: "mqtt", kind: "broker" }]),
    result: fc.constant({ rev: 3, outcome: "done" as const }),
  },
  { requiredKeys: [] },
) as fc.Arbitrary<StatusReport>;

function decoded(bytes: Uint8Array): Record<string, unknown> | undefined {
  const result = decode("status-report", bytes, cborFormat);
  return result.ok ? { ...result.value } : undefined;
}

function withoutFigures(value: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).filter(([name]) => !figures.includes(name)));
}

function encoded(value: StatusReport): Uint8Array {
  try {
    return encodeCbor("status-report", value);
  } catch {
    return new Uint8Array(0);
  }
}

const steady = new SteadyReport();
const isSteady = (before: Uint8Array, bytes: Uint8Array): boolean =>
  steady.isSteady(before, before.length, bytes, 0, bytes.length);

/** What must hold of each report that passes for steady after one that `decode` took. */
function holds(before: Uint8Array, bytes: Uint8Array): boolean {
  if (!isSteady(before, bytes)) return false;
  const [was, is] = [decoded(before), decoded(bytes)];
  expect(is).toBeDefined();
  expect(withoutFigures(is!)).toEqual(withoutFigures(was!));
  expect(Object.keys(is!)).toEqual(Object.keys(was!));
  expect(steady.freeHeap).toBe(is!["freeHeap"] ?? -1);
  return true;
}

describe("a steady report", () => {
  it("is one that the full decoder takes, and differs from the one before in figures alone, whatever bytes changed", () => {
    let taken = 0;
    fc.assert(
      fc.property(
        report,
        fc.array(fc.tuple(fc.nat(80), fc.nat(255)), { maxLength: 3 }),
        fc.nat(3),
        (value, edits, cut) => {
          const before = encoded(value);
          if (decoded(before) === undefined) return;
          const bytes = before.slice(0, before.length - (cut === 3 ? 1 : 0));
          for (const [at, byte] of edits) if (at < bytes.length) bytes[at] = byte;
          if (holds(before, bytes)) taken++;
        },
      ),
      { numRuns: 5_000 },
    );
    expect(taken).toBeGreaterThan(50);
  });

  it("is one that the full decoder takes also when single items are replaced by any CBOR", () => {
    const item = fc.oneof(
      fc.double(),
      fc.integer(),
      fc.float(),
      fc.string({ maxLength: 4 }),
      fc.boolean(),
      fc.constant(null),
      fc.uint8Array({ maxLength: 3 }),
    );
    fc.assert(
      fc.property(report, fc.nat(22), item, (value, index, replacement) => {
        const before = encoded(value);
        if (decoded(before) === undefined) return;
        const read = readCbor(before);
        if (!read.ok || !(read.value instanceof Map)) throw new Error("it is a map");
        const key = [...read.value.keys()][index % Math.max(read.value.size, 1)];
        if (key === undefined) return;
        holds(before, writeCbor(new Map(read.value).set(key, replacement)));
      }),
      { numRuns: 5_000 },
    );
  });

  it("is every report that differs in figures alone, but for those with a result", () => {
    let taken = 0;
    fc.assert(
      fc.property(report, report, (one, other) => {
        const { result: _, ...base } = one;
        const changed = Object.fromEntries(
          Object.entries(base).map(([name, value]) => {
            const figure = figures.includes(name) ? other[name as keyof StatusReport] : undefined;
            return [name, figure ?? value];
          }),
        );
        const before = encoded(base);
        const bytes = encoded(changed as StatusReport);
        if (before.length === 0 || before[0]! - 0xa0 > 23 || bytes.length === 0) return;
        expect(isSteady(before, bytes)).toBe(true);
        taken++;
      }),
      { numRuns: 1_000 },
    );
    expect(taken).toBeGreaterThan(500);
  });

  it("isn't one with a result, another word, another version, or one property more", () => {
    const base = { status: "healthy", version: "1.0.0", uptime: 5 } as const;
    const before = encodeCbor("status-report", base);
    for (const other of [
      { ...base, status: "degraded" },
      { ...base, version: "1.0.1" },
      { ...base, bootCount: 1 },
      { status: "healthy", uptime: 5 },
    ] as const) {
      expect(isSteady(before, encodeCbor("status-report", other))).toBe(false);
    }
    const withResult = encodeCbor("status-report", { ...base, result: { rev: 1, outcome: "done" } });
    expect(isSteady(withResult, withResult)).toBe(false);
    expect(isSteady(before, encodeCbor("status-report", { ...base, uptime: 70_000 }))).toBe(true);
  });

  it("knows the schema: the rule of each key is that of its property", () => {
    expect(statusReportShape.fields.map(({ name, key }) => `${key} ${name}`)).toEqual(
      [
        ...[
          "result",
          "status",
          "phase",
          "uptime",
          "resetReason",
          "bootCount",
          "version",
          "digest",
          "slot",
          "confirmed",
        ],
        ...[
          "freeHeap",
          "minFreeHeap",
          "stackHighWater",
          "cpuPercent",
          "memoryPercent",
          "temperature",
          "rssi",
          "battery",
        ],
        ...["mqttReconnects", "coapRetransmits", "sensorErrors", "lastRev", "services", "timestamp", "id"],
      ]
        .map((name, key) => `${key} ${name}`)
        // Without a rule, as "id": a report that has it is for the decoder.
        .concat("26 brokerFault"),
    );
  });
});
