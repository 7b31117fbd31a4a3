import { request } from "node:http";
import { join } from "node:path";
import { CommandFailure, exitCodes } from "./command-failure.ts";

const timeoutMs = 15_000;

/** Asks the gateway that runs on this machine, by the socket in its data folder. */
export async function askGateway<T>(dataDir: string, method: string, path: string, body?: unknown): Promise<T> {
  const socketPath = join(dataDir, "control.sock");
  const { status, text } = await new Promise<{ status: number; text: string }>((resolve, reject) => {
    const asking = request({ socketPath, method, path, timeout: timeoutMs }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }));
    });
    asking.on("timeout", () => asking.destroy(new Error("it doesn't answer")));
    asking.on("error", reject);
    asking.end(body === undefined ? undefined : JSON.stringify(body));
  }).catch((error: unknown) => {
    throw unreachable(socketPath, error);
  });
  const answer = JSON.parse(text) as T & { readonly error?: { readonly code: string; readonly message: string } };
  if (status < 400) return answer;
  const { code = "failed", message = text } = answer.error ?? {};
  throw new CommandFailure(
    code,
    message,
    "`coxswain gateway phone list` shows the phones that there are.",
    exitCodes.failed,
  );
}

function unreachable(socketPath: string, error: unknown): CommandFailure {
  const reason = error instanceof Error && "code" in error ? String(error.code) : String(error);
  const isClosed = reason === "EACCES" || reason === "EPERM";
  return new CommandFailure(
    isClosed ? "not-allowed" : "unreachable",
    isClosed
      ? `The gateway's data folder isn't yours: ${socketPath} (${reason}).`
      : `No gateway answers at ${socketPath} (${reason}).`,
    isClosed
      ? "Ask as the user that the gateway runs as."
      : "Run this on the gateway's own machine, and name its data folder with --data-dir; `coxswain gateway` starts it.",
    exitCodes.unreachable,
  );
}
