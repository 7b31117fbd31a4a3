import crypto, { KeyObject } from "node:crypto";
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { basename } from "node:path";
import { inspect } from "node:util";
import { systemEntropy } from "../../kernel/system/system-entropy.ts";
import { RunLogFolder } from "./run-log-folder.ts";

/**
 * Stands beside a program of a test run, whichever it is: what it writes to standard error goes into the folder of the run too, and so does, apart from it,
 * each secret that it draws, makes or is given as a password. It changes nothing of what the program does.
 */
function tap(run: RunLogFolder): void {
  const log = run.newLog(basename(process.argv[1] ?? "node"));
  tapErrors(log);
  const draw = systemEntropy.bytes.bind(systemEntropy);
  systemEntropy.bytes = (length) => {
    const bytes = draw(length);
    run.addSecret(bytes);
    return bytes;
  };
  after(crypto, "generateKeyPairSync", (pair) => {
    const { privateKey } = pair as { readonly privateKey?: unknown };
    if (!(privateKey instanceof KeyObject)) return;
    const { d } = privateKey.export({ format: "jwk" });
    if (d !== undefined) run.addSecret(Buffer.from(d, "base64url"));
  });
  before(crypto, "argon2", (_kind, parameters) => addPassword(run, (parameters as { message?: unknown }).message));
  before(crypto, "scrypt", (password) => addPassword(run, password));
  syncBuiltinESMExports();
}

function addPassword(run: RunLogFolder, password: unknown): void {
  if (typeof password === "string") run.addText(password);
  else if (password instanceof Uint8Array) run.addText(Buffer.from(password).toString());
}

type AnyFunction = (this: unknown, ...given: unknown[]) => unknown;
type Functions = Record<string, AnyFunction>;

/** Sees what a function of a built-in module is called with. */
function before(module: object, name: string, see: (...given: unknown[]) => void): void {
  const functions = module as Functions;
  const original = functions[name];
  if (original === undefined) return;
  functions[name] = function (...given) {
    see(...given);
    return original.apply(this, given);
  };
}

/** Sees what it returns. */
function after(module: object, name: string, see: (returned: unknown) => void): void {
  const functions = module as Functions;
  const original = functions[name];
  if (original === undefined) return;
  functions[name] = function (...given) {
    const returned = original.apply(this, given);
    see(returned);
    return returned;
  };
}

/** Log lines go by `fs.writeSync`, the console's by the stream, and what nobody caught by neither. */
function tapErrors(log: { write(text: string | Uint8Array): void }): void {
  const standardError = 2;
  const write = (text: unknown): void => {
    if (typeof text === "string" || text instanceof Uint8Array) log.write(text);
  };
  before(fs, "writeSync", (descriptor, text) => {
    if (descriptor === standardError) write(text);
  });
  before(process.stderr, "write", write);
  process.on("uncaughtExceptionMonitor", (error) => write(`${inspect(error)}\n`));
}

const run = RunLogFolder.ofThisRun();
if (run !== undefined) tap(run);
