import { spawn } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { installJavaPeer, installPythonPeer, installSuitPeer, javaPeer, pythonPeer, suitPeer } from "./peers.mjs";
import { canTools, installPythonTools, modbusPeer, updateTools } from "./python-tools.mjs";
import { root } from "./root.mjs";
import { runtimeNode } from "./runtime.mjs";
import { buildSocketcan, socketcanAddon } from "./socketcan.mjs";
import { digestOf, isStamped, stamp } from "./stamp.mjs";
import { compilerPackages, installSystemPackages, linuxPackages, peerPackages } from "./system-packages.mjs";

/**
 * The parts of the set-up, in order. `group` is what a target asks for; `inputs` decide whether a finished step must run again;
 * `result` is what must exist for it to count as done. A step with `without` isn't needed: it says what is different when it fails.
 */
const steps = [
  {
    name: "npm packages",
    group: "packages",
    inputs: ["package.json", "package-lock.json", ".npmrc"],
    result: "node_modules/.bin/tsc",
    run: (log) => command(log, "npm", ["ci", "--no-audit", "--no-fund"]),
  },
  {
    name: "household's app",
    group: "app",
    inputs: ["gateway/app-web", "schemas/generated", "schemas/wire", "tools/build-app.ts", "package-lock.json"],
    result: "gateway/app-web/dist/index.html",
    run: (log) => command(log, runtimeNode(), ["tools/build-app.ts"]),
  },
  {
    name: "compiler and Python",
    group: "firmware",
    inputs: ["tools/setup/system-packages.mjs"],
    run: (log) => installSystemPackages(compilerPackages, (...words) => command(log, ...words)),
  },
  {
    name: "PlatformIO",
    group: "firmware",
    inputs: ["firmware/requirements.txt"],
    result: ".venv/bin/pio",
    run: async (log) => {
      await command(log, "python3", ["-m", "venv", "--clear", ".venv"]);
      const install = ["install", "--disable-pip-version-check", "--require-hashes", "-r", "firmware/requirements.txt"];
      await command(log, ".venv/bin/pip", install);
    },
  },
  {
    name: "host programs (cxnode, cxpack)",
    group: "firmware",
    inputs: ["platformio.ini", "firmware", "schemas/generated/cpp", "test/firmware"],
    result: ".pio/build/native/cxnode",
    run: (log) => command(log, ".venv/bin/pio", ["run", "-e", "native"]),
  },
  {
    name: "CoAP addon",
    group: "native",
    inputs: ["coap/native"],
    result: ".setup/build/coap.node",
    without: "datagrams go one by one through node:dgram",
    run: (log) => command(log, runtimeNode(), ["coap/native/build.mjs"]),
  },
  {
    name: "SocketCAN addon",
    group: "native",
    inputs: ["tools/setup/socketcan.mjs", "package-lock.json"],
    result: socketcanAddon,
    without: "a gateway has CAN by serial-line adapters and the virtual bus only",
    run: (log) => buildSocketcan((...words) => command(log, ...words)),
  },
  {
    name: "simulation addon",
    group: "sim",
    inputs: [
      "firmware/lib",
      "schemas/generated/cpp",
      "test/sim/build-core.ts",
      "test/sim/addon-call.hpp",
      "test/sim/core-addon.cpp",
      "test/sim/pack-addon.cpp",
    ],
    result: ".pio/build/sim/core.node",
    run: (log) => command(log, runtimeNode(), ["test/sim/build-core.ts"]),
  },
  {
    name: "independent peers for the tests",
    group: "peers",
    inputs: ["tools/setup/system-packages.mjs"],
    run: (log) => installSystemPackages(peerPackages, (...words) => command(log, ...words)),
  },
  {
    name: "a kernel of its own (user-mode Linux)",
    group: "peers",
    inputs: ["tools/setup/system-packages.mjs"],
    without: "the tests on a real vcan are skipped",
    run: (log) => installSystemPackages(linuxPackages, (...words) => command(log, ...words)),
  },
  {
    name: "peer in Python (aiocoap)",
    group: "peers",
    inputs: [
      "tools/setup/peers.mjs",
      "test/interop/peers/requirements.txt",
      "test/interop/peers/requirements-source.txt",
    ],
    result: `${pythonPeer}/source/contrib/oscore-plugtest/plugtest-client`,
    without: "its tests are skipped",
    run: (log) => installPythonPeer((...words) => command(log, ...words)),
  },
  {
    name: "tools for updates in Python (detools, pycose)",
    group: "peers",
    inputs: ["tools/setup/python-tools.mjs", "test/interop/peers/requirements-updates.txt"],
    result: `${updateTools}/bin/detools`,
    without: "its tests are skipped",
    run: (log) =>
      installPythonTools(updateTools, "test/interop/peers/requirements-updates.txt", (...words) =>
        command(log, ...words),
      ),
  },
  {
    name: "tools for CAN in Python (cantools)",
    group: "peers",
    inputs: ["tools/setup/python-tools.mjs", "test/interop/peers/requirements-can.txt"],
    result: `${canTools}/bin/cantools`,
    without: "its tests are skipped",
    run: (log) =>
      installPythonTools(canTools, "test/interop/peers/requirements-can.txt", (...words) => command(log, ...words)),
  },
  {
    name: "BMS in Python (pymodbus)",
    group: "peers",
    inputs: ["tools/setup/python-tools.mjs", "test/interop/peers/requirements-modbus.txt"],
    result: `${modbusPeer}/bin/pymodbus.simulator`,
    without: "its tests are skipped",
    run: (log) =>
      installPythonTools(modbusPeer, "test/interop/peers/requirements-modbus.txt", (...words) =>
        command(log, ...words),
      ),
  },
  {
    name: "peer in Rust (suit_validator)",
    group: "peers",
    inputs: ["tools/setup/peers.mjs", "test/interop/peers/suit-validator"],
    result: `${suitPeer}/release/suit-peer`,
    without: "its tests are skipped",
    run: (log) => installSuitPeer((...words) => command(log, ...words)),
  },
  {
    name: "peer in Java (Californium)",
    group: "peers",
    inputs: ["tools/setup/peers.mjs", "tools/setup/system-packages.mjs", "test/interop/peers/californium"],
    result: `${javaPeer}/classes/CaliforniumPeer.class`,
    without: "its tests are skipped",
    run: (log) => installJavaPeer((...words) => command(log, ...words)),
  },
];

// The addon is compiled C++, so whoever asks for it needs what the firmware needs.
const implied = { sim: ["firmware"] };

/** Runs the steps of the wanted groups that aren't done; false, after a clear message, when one fails. */
export async function runSteps(groups, { isQuiet }) {
  const wanted = new Set(groups.flatMap((group) => [group, ...(implied[group] ?? [])]));
  for (const step of steps.filter((each) => wanted.has(each.group))) {
    const digest = digestOf(step.inputs);
    const isDone = isStamped(step.name, digest) && (!step.result || existsSync(join(root, step.result)));
    if (isDone) {
      if (!isQuiet) console.log(`  ok    ${step.name}`);
      continue;
    }
    if (!(await runStep(step))) {
      if (step.without === undefined) return false;
      process.stderr.write(`        going on without it: ${step.without}\n`);
      continue;
    }
    stamp(step.name, digestOf(step.inputs));
  }
  return true;
}

async function runStep(step) {
  const started = Date.now();
  const log = join(root, ".setup/log", `${step.name.replaceAll(/[^a-z]+/gi, "-")}.log`);
  mkdirSync(join(root, ".setup/log"), { recursive: true });
  closeSync(openSync(log, "w"));
  process.stderr.write(`  ...   ${step.name}`);
  try {
    await step.run(log);
  } catch (error) {
    process.stderr.write(`\r  FAIL  ${step.name}\n\n${error.message}\n`);
    const tail = readFileSync(log, "utf8").trimEnd().split("\n").slice(-25).join("\n");
    if (tail) process.stderr.write(`\n${tail}\n\nThe whole output: ${log.slice(root.length + 1)}\n`);
    return false;
  }
  process.stderr.write(`\r  done  ${step.name} (${((Date.now() - started) / 1000).toFixed(1)} s)\n`);
  return true;
}

/** Runs one command in the checkout, its output to `log`; rejects with a sentence when it can't be run or fails. */
function command(log, name, args) {
  return new Promise((resolve, reject) => {
    const output = openSync(log, "a");
    const env = {
      ...process.env,
      DEBIAN_FRONTEND: "noninteractive",
      PLATFORMIO_DISABLE_UPGRADE_CHECK: "true",
      PLATFORMIO_SETTING_CHECK_PRUNE_SYSTEM_THRESHOLD: "0",
      PLATFORMIO_SETTING_ENABLE_TELEMETRY: "no",
    };
    const child = spawn(name, args, { cwd: root, env, stdio: ["ignore", output, output] });
    child.on("error", (error) => reject(new Error(`${name} can't be run: ${error.message}`)));
    child.on("exit", (code, signal) => {
      closeSync(output);
      if (code === 0) resolve();
      else reject(new Error(`"${name} ${args.join(" ")}" ended with ${signal ?? `exit code ${code}`}.`));
    });
  });
}
