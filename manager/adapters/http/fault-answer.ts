import { Fault } from "../../../kernel/fault.ts";
import { ApiError, type ApiErrorCode } from "./api-error.ts";

/** Which answer a fault from further inside becomes. What isn't here and begins with `storage.` is `storage-failed`, the rest internal. */
const answers: Readonly<Record<string, ApiErrorCode>> = {
  "secret.busy": "busy",
  "credentials.busy": "issue-busy",
  "artifacts.digest-mismatch": "digest-mismatch",
  "artifacts.size-mismatch": "size-mismatch",
  "artifacts.too-large": "body-too-large",
  "artifacts.empty": "empty-artifact",
  "artifacts.disk-full": "disk-full",
  "certificates.bad-request": "bad-certificate-request",
};

/** The error as the API answers it; undefined when it is a defect, which only the log may describe. */
export function faultAnswer(error: unknown): ApiError | undefined {
  if (error instanceof ApiError) return error;
  if (error instanceof Fault) {
    const data = Object.fromEntries(
      Object.entries(error.data).map(([name, value]) => [name, typeof value === "number" ? value : String(value)]),
    );
    const code = answers[error.code];
    if (code !== undefined) return new ApiError(code, data);
    // The rule is told, never the value.
    if (error.code.startsWith("settings.")) {
      const rule =
        data["rule"] === undefined ? `there is no such setting; known: ${data["known"]}` : `must be ${data["rule"]}`;
      return new ApiError("bad-body", { kind: "fleet settings", path: data["name"] ?? "its top", rule });
    }
    // The disk's trouble isn't a defect of ours, whichever store it hits.
    if (error.code.startsWith("storage.") || error.code === "artifacts.io")
      return new ApiError("storage-failed", { code: error.code });
    return undefined;
  }
  return frameworkAnswer(error);
}

/** Errors that Fastify raises before a route runs. */
function frameworkAnswer(error: unknown): ApiError | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  switch (error.code) {
    case "FST_ERR_CTP_BODY_TOO_LARGE":
      return new ApiError("body-too-large", { limit: "the allowed number of" });
    case "FST_ERR_CTP_INVALID_MEDIA_TYPE":
    case "FST_ERR_CTP_EMPTY_TYPE":
      return new ApiError("unsupported-format", { format: "of this request", needed: "application/json" });
    case "FST_ERR_CTP_INVALID_CONTENT_LENGTH":
    case "FST_ERR_BAD_URL":
    case "FST_ERR_MAX_PARAM_LENGTH":
      return new ApiError("bad-request", { reason: "its length or URL is malformed" });
    default:
      return undefined;
  }
}
