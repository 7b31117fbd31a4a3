import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { CommandFailure } from "./command-failure.ts";
import { type ManagerClient, refusal } from "./manager-client.ts";
import { ProgressBar } from "./progress-bar.ts";

export interface Uploaded {
  readonly digest: string;
  readonly size: number;
  /** False: the manager had it already, and nothing was sent. */
  readonly isNew: boolean;
}

/**
 * Stores a file as an artifact: digest first, so that what the manager has isn't sent again and what it gets is checked. `signed` is the digest that a
 * manifest names; a file with another one isn't sent.
 */
export async function upload(
  client: ManagerClient,
  path: string,
  isShown: boolean,
  signed?: string,
): Promise<Uploaded> {
  const size = await sizeOf(path);
  const hex = await digestHexOf(path, size, isShown);
  const digest = `sha256:${hex}`;
  if (signed !== undefined && signed !== digest) {
    const message = `${path} isn't the payload that was signed: it has the digest ${digest}.`;
    throw new CommandFailure(
      "payload-changed",
      message,
      "Copy the folder again, or sign again with `coxswain update sign`.",
    );
  }
  const { artifacts } = await client.get<{ artifacts: readonly { digest: string }[] }>("/artifacts");
  if (artifacts.some((each) => each.digest === digest)) return { digest, size, isNew: false };
  await send(client, path, hex, size, isShown);
  return { digest, size, isNew: true };
}

async function sizeOf(path: string): Promise<number> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) throw new CommandFailure("no-file", `There is no file ${path}.`, "Check the path.");
  if (!found.isFile()) throw new CommandFailure("no-file", `${path} is no file.`, "Name the image file itself.");
  if (found.size === 0) throw new CommandFailure("empty-file", `${path} is empty.`, "Build the image again.");
  return found.size;
}

async function digestHexOf(path: string, size: number, isShown: boolean): Promise<string> {
  const bar = new ProgressBar({ label: "digest", total: size, isShown });
  const hash = createHash("sha256");
  let done = 0;
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    hash.update(chunk);
    done += chunk.length;
    bar.set(done);
  }
  bar.end();
  return hash.digest("hex");
}

/** node:http instead of fetch, since only there the bytes that the socket took can be counted. */
function send(client: ManagerClient, path: string, hex: string, size: number, isShown: boolean): Promise<void> {
  const bar = new ProgressBar({ label: "upload", total: size, isShown });
  return new Promise<void>((resolve, reject) => {
    const url = new URL(`${client.url}/api/v1/artifacts/${hex}`);
    const start = url.protocol === "https:" ? httpsRequest : httpRequest;
    const headers = { ...client.authorization, "content-type": "application/octet-stream", "content-length": size };
    const request = start(url, { method: "PUT", headers });
    const file = createReadStream(path);
    let sent = 0;
    file.on("data", (chunk) => {
      sent += chunk.length;
      bar.set(sent - request.writableLength);
    });
    file.on("error", (error) => request.destroy(error));
    request.on("error", (error) => reject(client.unreachable(error)));
    request.on("response", (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (part: string) => {
        text += part;
      });
      response.on("end", () => {
        const status = response.statusCode ?? 0;
        if (status >= 200 && status < 300) resolve();
        else reject(refusal(status, text));
      });
    });
    file.pipe(request);
  }).finally(() => bar.end());
}
