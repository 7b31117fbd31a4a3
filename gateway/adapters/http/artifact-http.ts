import { type ClientRequest, request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import type { ArtifactAnswer, ArtifactSource } from "../../ports/artifact-source.ts";

export interface ArtifactHttpOptions {
  /** PEM: the CA of HTTPS servers; without it HTTPS isn't spoken. */
  readonly ca?: string | undefined;
  /** Without a byte for so long a connection is given up. Default 30 s. */
  readonly silentMs?: number;
}

const rangePattern = /^bytes (\d+)-\d+\/\d+$/;

/** Fetches artifacts by HTTP(S) with Range and If-Range (RFC 9110 sections 13.1.5 and 14). No redirects: the manager makes none. */
export function artifactHttp({ ca, silentMs = 30_000 }: ArtifactHttpOptions = {}): ArtifactSource {
  return {
    fetch: (uri, { offset, etag }, signal) =>
      new Promise((resolve) => {
        const unreachable = (reason: string): void => resolve({ kind: "unreachable", reason });
        const headers = offset === 0 ? {} : { range: `bytes=${offset}-`, "if-range": etag };
        let request: ClientRequest;
        try {
          const isTls = uri.startsWith("https:");
          if (isTls && ca === undefined) {
            unreachable("no-tls");
            return;
          }
          const taken = (response: IncomingMessage): void => resolve(answerOf(response, offset));
          request = isTls
            ? httpsRequest(uri, { headers, signal, agent: false, ca }, taken)
            : httpRequest(uri, { headers, signal, agent: false }, taken);
        } catch {
          unreachable("bad-uri");
          return;
        }
        request.setTimeout(silentMs, () => request.destroy(new Error("silent")));
        // After the answer it is the reader of the chunks who hears of it.
        request.on("error", (error) => unreachable("code" in error ? String(error.code).toLowerCase() : "no-answer"));
        request.end();
      }),
  };
}

function answerOf(response: IncomingMessage, asked: number): ArtifactAnswer {
  const { statusCode: status = 0 } = response;
  if (status === 206) {
    const range = rangePattern.exec(response.headers["content-range"] ?? "");
    if (range !== null && Number(range[1]) === asked) {
      return { kind: "bytes", offset: asked, chunks: response as AsyncIterable<Uint8Array> };
    }
    response.destroy();
    return { kind: "unreachable", reason: "http-range" };
  }
  if (status === 200) return { kind: "bytes", offset: 0, chunks: response as AsyncIterable<Uint8Array> };
  response.destroy();
  return status >= 400 ? { kind: "status", status } : { kind: "unreachable", reason: `http-${status}` };
}
