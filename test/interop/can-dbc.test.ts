import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";

const python = ".setup/peers/can-tools/bin/python";

describe.skipIf(!existsSync(python))("cantools, with docs/reference/alfaspark.dbc", () => {
  it("encodes every frame of test/vectors/can.json to the bytes that stand there", () => {
    const { status, stderr } = spawnSync(python, ["test/vectors/write-can.py", "--check"], { encoding: "utf8" });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  });

  it("finds every message, its words and units in it, and none that overlaps", () => {
    const program = `
import cantools, json
db = cantools.database.load_file("docs/reference/alfaspark.dbc", strict=True)
battery = db.get_message_by_name("PackBattery_node3")
print(json.dumps({
  "messages": len(db.messages),
  "id": battery.frame_id,
  "decoded": {name: str(value) for name, value in battery.decode(bytes.fromhex("28021000640100")).items()},
  "units": {signal.name: signal.unit for signal in battery.signals if signal.unit},
}))`;
    const { status, stdout, stderr } = spawnSync(python, ["-c", program], { encoding: "utf8" });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    // Eight per pack on 0x100, an answer, an announcement, a socket's request and an error and its firmware; 128 sockets; 10 commands and 4 more.
    expect(JSON.parse(stdout)).toEqual({
      messages: 32 * 13 + 128 + 10 + 4,
      id: 0x119,
      decoded: {
        stateOfCharge: "40",
        voltage: "52.800000000000004",
        current: "1.0",
        batteryState: "charging",
        bmsState: "ok",
      },
      units: { stateOfCharge: "%", voltage: "V", current: "A" },
    });
  });
});
