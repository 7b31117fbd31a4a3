import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";

const compiler = "xtensa-lx106-elf-g++";
/** Bytes of RAM that a node may take on the ESP8266, whose Wi-Fi leaves 45 to 50 KB. */
const gate = 30_720;
/** Of it for the stack of the loop; no frame of core is over 512 bytes. The signature check has a stack of its own, outside of the gate. */
const mainStack = 2560;
const isThere = hasCompiler();
if (!isThere)
  console.warn(
    `The firmware's RAM isn't measured: install gcc-xtensa-lx106 picolibc-xtensa-lx106-elf libstdc++-12-dev.`,
  );

describe.runIf(isThere)("a small node on the ESP8266's CPU", () => {
  const folder = mkdtempSync(join(tmpdir(), "coxswain-ram-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it("fits into its RAM with all its buffers, all payload decoders and the main stack", () => {
    const sizes = measured("board_objects", join(folder, "board.o"));
    const board = [...sizes].filter(([name]) => name.startsWith("board_"));
    expect(board).toHaveLength(3);
    const sum = board.reduce((total, [, size]) => total + size, 0);
    expect(sum + mainStack, [...sizes].map(([name, size]) => `${name} ${size}`).join(", ")).toBeLessThanOrEqual(gate);
  });
});

/** Of the 320 KB of an ESP32 without Wi-Fi: what the rules, an image that comes by CAN and its decoders may take, stack apart. */
const packGate = 18_432;

describe.runIf(isThere)("a pack on a 32-bit CPU", () => {
  const folder = mkdtempSync(join(tmpdir(), "coxswain-ram-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it("fits into its RAM with the receiver of images and all payload decoders", () => {
    const sizes = measured("pack_objects", join(folder, "pack.o"));
    const board = [...sizes].filter(([name]) => name.startsWith("board_"));
    expect(board).toHaveLength(3);
    const sum = board.reduce((total, [, size]) => total + size, 0);
    expect(sum, [...sizes].map(([name, size]) => `${name} ${size}`).join(", ")).toBeLessThanOrEqual(packGate);
  });
});

function hasCompiler(): boolean {
  try {
    execFileSync(compiler, ["--version"], { stdio: "ignore" });
    return (
      packaged("libstdc++-12-dev", "/c++/12/array") !== "" &&
      packaged("picolibc-xtensa-lx106-elf", "/picolibc.specs") !== ""
    );
  } catch {
    return false;
  }
}

/** A file that a Debian package installed: the builder of `pio test -e lx106` finds them in the same way. */
function packaged(name: string, tail: string): string {
  const files = execFileSync("dpkg", ["-L", name], { encoding: "utf8" }).split("\n");
  return files.find((file) => file.endsWith(tail)) ?? "";
}

function measured(source: string, object: string): Map<string, number> {
  const system = [
    "firmware/emulator/cxx",
    dirname(packaged("libstdc++-12-dev", "/c++/12/array")),
    dirname(dirname(packaged("libstdc++-12-dev", "/bits/c++config.h"))),
  ];
  const flags = ["-Os", "-ffreestanding", "-std=gnu++17", "-fno-exceptions", "-fno-rtti"];
  execFileSync(compiler, [
    `-specs=${packaged("picolibc-xtensa-lx106-elf", "/picolibc.specs")}`,
    ...flags,
    ...system.flatMap((folder) => ["-isystem", folder]),
    ...["firmware/lib/core/src", "firmware/lib/hal/src", "firmware/lib/profiles", "schemas/generated/cpp"].map(
      (folder) => `-I${folder}`,
    ),
    ...["-c", `test/firmware/ram/${source}.cpp`, "-o", object],
  ]);
  const table = execFileSync("xtensa-lx106-elf-nm", ["-S", object], { encoding: "utf8" });
  return new Map(
    [...table.matchAll(/^\S+ (\S+) \S ((?:board|part)_\w+)$/gm)].map(([, size = "", name = ""]) => [
      name,
      Number.parseInt(size, 16),
    ]),
  );
}
