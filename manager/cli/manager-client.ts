import { CommandFailure, exitCodes } from "./command-failure.ts";
import { untrusted } from "./manager-trust.ts";

/** Talks to a manager's HTTP API and turns everything that goes wrong into a CommandFailure. */
export class ManagerClient {
  readonly url: string;
  readonly #token: string | undefined;
  readonly #trust: (url: URL) => Promise<void>;
  #trusted: Promise<void> | undefined;

  /** `trust` is called once, before the first request. */
  constructor(url: string, token?: string, trust: (url: URL) => Promise<void> = () => Promise.resolve()) {
    if (!URL.canParse(url) || !/^https?:/.test(url)) {
      throw new CommandFailure(
        "bad-url",
        `${url} is no URL of a manager.`,
        "Give one like http://127.0.0.1:8683.",
        exitCodes.usage,
      );
    }
    this.url = url.replace(/\/+$/, "");
    this.#trust = trust;
    this.#token = token !== undefined && mayHear(new URL(url)) ? token : undefined;
  }

  /** For requests that are made by hand. */
  get authorization(): Readonly<Record<string, string>> {
    return this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` };
  }

  async get<T>(path: string): Promise<T> {
    return await this.#json<T>(path, {});
  }

  async post<T>(path: string, body: unknown): Promise<T> {
    const headers = { "content-type": "application/json" };
    return await this.#json<T>(path, { method: "POST", headers, body: JSON.stringify(body) });
  }

  /** Undefined where the answer has no body. */
  async put<T>(path: string, body: unknown): Promise<T> {
    const headers = { "content-type": "application/json" };
    const response = await this.open(path, { method: "PUT", headers, body: JSON.stringify(body) });
    return (response.status === 204 ? undefined : await response.json()) as T;
  }

  async delete(path: string): Promise<void> {
    await this.open(path, { method: "DELETE" });
  }

  /** The answer itself, for streams; an error answer is a CommandFailure. */
  async open(path: string, init: RequestInit): Promise<Response> {
    return await this.openPath(`/api/v1${path}`, init);
  }

  /** As `open`, for what is outside of the API. */
  async openPath(path: string, init: RequestInit): Promise<Response> {
    this.#trusted ??= this.#trust(new URL(this.url));
    await this.#trusted;
    let response: Response;
    try {
      const headers = { ...this.authorization, ...(init.headers as Record<string, string> | undefined) };
      response = await fetch(`${this.url}${path}`, { ...init, headers });
    } catch (error) {
      if (init.signal?.aborted === true) throw error;
      throw this.unreachable(error);
    }
    if (response.ok) return response;
    throw refusal(response.status, await response.text());
  }

  unreachable(error: unknown): CommandFailure {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    const reason = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
    const distrust = untrusted(this.url, reason);
    if (distrust !== undefined) return distrust;
    const message = `No manager answers at ${this.url} (${reason}).`;
    const next = "Start one with `coxswain start`, or say where it is with --url or COXSWAIN_URL.";
    return new CommandFailure("unreachable", message, next, exitCodes.unreachable);
  }

  async #json<T>(path: string, init: RequestInit): Promise<T> {
    const response = await this.open(path, init);
    return (await response.json()) as T;
  }
}

/** A token goes to this machine, or encrypted: never over a network in the open. */
function mayHear({ protocol, hostname }: URL): boolean {
  return protocol === "https:" || hostname === "localhost" || hostname === "[::1]" || /^127\./.test(hostname);
}

/** Where the API names one of its own paths as the way on, the command line names its command. */
const nextSteps: Readonly<Record<string, string>> = {
  "bad-body": "Correct that argument; --help of the command says what it may be.",
  "unknown-node": "`coxswain nodes` lists them. A node that was added is there from its first start on.",
  "unknown-rollout": "`coxswain rollout list` shows them.",
  "not-quarantined": "`coxswain quarantine list` shows what is.",
  "unknown-update": "`coxswain update list` lists them.",
  "update-unsigned":
    "Create it with --key FILE, which signs it; or start the manager with --unsigned-updates to try it out.",
  "signature-required":
    "Create it with --key FILE, which signs it; or start the manager with --unsigned-updates to try it out.",
  "missing-artifact": "`coxswain update create` and `coxswain update upload` upload the payloads first.",
  "no-credentials": "`coxswain node credentials ID` lists those that it had.",
  "unknown-certificate": "`coxswain ca list` lists them.",
  "certificate-of-node": "`coxswain node revoke ID` revokes it; `coxswain node add ID --x509` makes another.",
};

/** An error answer as the API words it; anything else came from a program that is no manager. */
export function refusal(status: number, text: string): CommandFailure {
  try {
    const { error } = JSON.parse(text) as { error: { code: string; message: string; next: string } };
    return new CommandFailure(error.code, error.message, nextSteps[error.code] ?? error.next);
  } catch {
    const message = `The answer was HTTP ${status} and not from a manager.`;
    return new CommandFailure("not-a-manager", message, "Check --url: something else listens there.");
  }
}
