#!/usr/bin/env node
// The one entry of demo, test, start, check and bench: brings a fresh clone to where the project runs, then starts what was
// asked for on Node 24. Plain JavaScript that Node 20 can run and no dependency, since it is what installs the rest.
//
//   node tools/setup.mjs                      set up, and say what was done
//   node tools/setup.mjs --then NAME [ARGS]   set up quietly, then run NAME
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { withSetupLock } from "./setup/lock.mjs";
import { root } from "./setup/root.mjs";
import { runtimeNode } from "./setup/runtime.mjs";
import { runSteps } from "./setup/steps.mjs";

/** What can follow the set-up: its program, and which parts of the set-up it needs. */
const targets = {
  demo: { program: "tools/demo/demo.ts", needs: ["packages", "app", "native", "firmware"] },
  start: { program: "manager/main.ts", needs: ["packages", "app", "native"] },
  coxswain: { program: "manager/cli/coxswain.ts", needs: ["packages", "app"] },
  cxnode: { executable: ".pio/build/native/cxnode", needs: ["packages", "firmware"] },
  cxpack: { executable: ".pio/build/native/cxpack", needs: ["packages", "firmware"] },
  check: { program: "tools/check.ts", needs: ["packages"] },
  test: { program: "tools/test.ts", needs: ["packages", "app", "native", "firmware", "sim", "peers"] },
  bench: { program: "test/bench/bench.ts", needs: ["packages", "native", "firmware", "peers"] },
  build: { program: "tools/build.ts", needs: ["packages", "native"] },
  "plugtest-server": { program: "test/interop/plugtest-server.ts", needs: ["packages", "native"] },
  fuzz: { program: "test/fuzz/fuzz.ts", needs: ["packages", "native"] },
  generate: { program: "schemas/generate.ts", needs: ["packages"] },
};

const usage = `usage: node tools/setup.mjs [--then ${Object.keys(targets).join("|")} [ARGS]]`;

async function main(args) {
  if (args[0] === "--help") {
    console.log(usage);
    return 0;
  }
  if (args.length > 0 && (args[0] !== "--then" || !Object.hasOwn(targets, args[1] ?? ""))) {
    console.error(usage);
    return 2;
  }
  const name = args[1];
  const target = name === undefined ? undefined : targets[name];
  const wanted = target?.needs ?? ["packages", "app", "native", "firmware", "sim"];
  const isReady = await withSetupLock(() => runSteps(wanted, { isQuiet: target !== undefined }));
  if (!isReady) return 1;
  if (target === undefined) {
    console.log("Set up. Next: npm run demo, npm test, or npm start -- --help");
    return 0;
  }
  const program = join(root, target.executable ?? target.program);
  if (!existsSync(program)) {
    console.error(`${name}: ${program.slice(root.length + 1)} is missing from this checkout`);
    return 1;
  }
  const command = target.executable ? [program] : [runtimeNode(), program];
  return await run([...command, ...args.slice(2)]);
}

/** Runs a command in the user's folder with the user's terminal; signals go to it and its exit code comes back. */
function run([command, ...rest]) {
  return new Promise((resolve) => {
    const path = `${join(root, "node_modules/.bin")}:${process.env.PATH}`;
    // Types are stripped once, not at each start: the stripper alone takes 35 MB of a manager that idles.
    const cache = { NODE_COMPILE_CACHE: join(root, ".setup/compile-cache"), ...process.env };
    const child = spawn(command, rest, { stdio: "inherit", env: { ...cache, PATH: path } });
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
    child.on("error", (error) => {
      console.error(`cannot run ${command}: ${error.message}`);
      resolve(1);
    });
    child.on("exit", (code, signal) => resolve(code ?? (signal === "SIGINT" ? 130 : 143)));
  });
}

process.exitCode = await main(process.argv.slice(2));
