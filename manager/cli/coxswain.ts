#!/usr/bin/env node
import { CommanderError } from "commander";
import type { CommandContext } from "./command-context.ts";
import { CommandFailure, exitCodes } from "./command-failure.ts";
import { coxswainProgram } from "./coxswain-program.ts";
import { ManagerClient } from "./manager-client.ts";
import { type TrustOptions, trustManager } from "./manager-trust.ts";
import { operatorToken } from "./operator-token.ts";
import { printable } from "./printable.ts";

const defaultUrl = "http://127.0.0.1:8683";

/** The command line. Resolves with the exit code: 0 done, 1 refused or failed, 2 wrong usage, 3 no manager reachable. */
export async function coxswain(args: readonly string[]): Promise<number> {
  if (args[0] === "start") {
    const { runManager } = await import("../main.ts");
    return await runManager(args.slice(1));
  }
  // Letting phones in is a command to a gateway that runs.
  if (args[0] === "gateway" && args[1] !== "phone") {
    const { runGateway } = await import("../../gateway/main.ts");
    return await runGateway(args.slice(1));
  }
  if (args[0] === "can-bus") {
    const { runCanBus } = await import("../../gateway/run-can-bus.ts");
    return await runCanBus(args.slice(1));
  }
  // `coxswain nodes | head`: who read has enough, and nothing is wrong.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    process.exit(exitCodes.done);
  });
  const context: CommandContext = {
    client: () =>
      new ManagerClient(
        optionOf(args, "--url") ?? process.env["COXSWAIN_URL"] ?? defaultUrl,
        operatorToken(optionOf(args, "--data-dir"), process.env),
        (url) => trustManager(url, trustOf(args)),
      ),
    isJson: () => args.includes("--json"),
  };
  const program = coxswainProgram(context, defaultUrl);
  try {
    await program.parseAsync([...args], { from: "user" });
    return Number(process.exitCode ?? exitCodes.done);
  } catch (error) {
    return report(error, context.isJson());
  }
}

function trustOf(args: readonly string[]): TrustOptions {
  const { COXSWAIN_CA: ca, COXSWAIN_FINGERPRINT: fingerprint, COXSWAIN_DATA_DIR: folder } = process.env;
  return {
    ca: optionOf(args, "--ca") ?? ca,
    fingerprint: optionOf(args, "--fingerprint") ?? fingerprint,
    dataDir: optionOf(args, "--data-dir") ?? folder ?? "./data",
  };
}

/** The common options stand before or after the command, so they are looked for in the whole line. */
function optionOf(args: readonly string[], flag: string): string | undefined {
  const joined = args.find((each) => each.startsWith(`${flag}=`));
  const at = args.indexOf(flag);
  return joined?.slice(flag.length + 1) ?? (at < 0 ? undefined : args[at + 1]);
}

function report(error: unknown, isJson: boolean): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return exitCodes.done;
    const message = error.message.replace(/^error: /, "");
    if (isJson) console.error(JSON.stringify({ error: { code: "usage", message, next: "--help says how." } }));
    return exitCodes.usage;
  }
  if (!(error instanceof CommandFailure)) throw error;
  const { code, message, next } = error;
  console.error(
    isJson ? JSON.stringify({ error: { code, message, next } }) : printable(`coxswain: ${message}\n${next}`),
  );
  return error.exitCode;
}

if (import.meta.main) process.exitCode = await coxswain(process.argv.slice(2));
