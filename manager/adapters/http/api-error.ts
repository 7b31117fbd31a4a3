import { manifestErrors } from "./manifest-errors.ts";

/**
 * Every error the HTTP API answers with: its status, what happened, and what to do next. Codes are API, texts are not.
 * `{name}` in a text is replaced from the error's data.
 */
export const apiErrors = {
  "not-authorised": {
    status: 401,
    message: "This manager doesn't know who is asking.",
    next: "Sign in to the console by name and password, or by the link of `coxswain sign-in`; programs send `Authorization: Bearer` with a token of `coxswain token create`. The command line takes the machine's token from admin-token in the data folder, which --data-dir names.",
  },
  "wrong-token": {
    status: 401,
    message: "This is no token of this manager.",
    next: "`coxswain token list` shows which there are; the machine's own is in admin-token in the manager's data folder.",
  },
  "wrong-password": {
    status: 401,
    message: "This is no operator with that password.",
    next: "Check both; an admin can make you a link: `coxswain sign-in --operator NAME`.",
  },
  "wrong-code": {
    status: 401,
    message: "This sign-in link was used already, is too old, or is of another start of the manager.",
    next: "`coxswain sign-in` prints a new one.",
  },
  "too-many-failures": {
    status: 429,
    message: "Too many wrong passwords, tokens or links came from this address.",
    next: "Wait {seconds} seconds.",
  },
  "not-from-here": {
    status: 401,
    message: "Operators are answered by https, and in the open on loopback only.",
    next: "Use the https address that `coxswain status` shows, or ask from the manager's own machine, for example through `ssh -L 8683:127.0.0.1:8683`.",
  },
  "wrong-host": {
    status: 403,
    message: "The request was made to the name {host}, which isn't this manager's.",
    next: "Use the URL that the manager printed at its start.",
  },
  "cross-origin": {
    status: 403,
    message: "A page of {origin} tried to change something here.",
    next: "Only the manager's own console may; programs send no Origin header.",
  },
  "no-csrf-token": {
    status: 403,
    message: "The request came with a session's cookie and without its CSRF token.",
    next: "Send X-CSRF-Token with what GET /api/v1/session says; programs use a token instead of a session.",
  },
  "not-with-a-token": {
    status: 403,
    message: "An API token doesn't do this.",
    next: "Sign in by name and password, or by the link of `coxswain sign-in`.",
  },
  "lesser-role": {
    status: 403,
    message: "{who} has the role {role}; this needs {needed}: {what}.",
    next: "{remedy}",
  },
  "out-of-scope": {
    status: 403,
    message: "{node} is outside of the scope of {operator}.",
    next: "An admin changes scopes by `coxswain operator role`, and where a node is by `coxswain node label`.",
  },
  "whole-fleet-only": {
    status: 403,
    message: "{operator} has a part of the fleet, and this concerns all of it: {what}.",
    next: "Ask an operator without a scope.",
  },
  "no-permission-row": {
    status: 403,
    message: "{method} {path} has no row in the table of permissions, so nobody may use it.",
    next: "Report it as a defect.",
  },
  "unknown-operator": {
    status: 404,
    message: "There is no operator {operator}.",
    next: "`coxswain operator list` shows them; `coxswain operator add` makes one.",
  },
  "operator-exists": {
    status: 409,
    message: "There is an operator {operator} already.",
    next: "Choose another name, or change that one by `coxswain operator role`.",
  },
  "last-admin": {
    status: 409,
    message: "{operator} is the last admin of the whole fleet.",
    next: "Make another one first.",
  },
  "no-operator-key": {
    status: 404,
    message: "{operator} has no credential for CoAP.",
    next: "`coxswain operator credential {operator}` makes one.",
  },
  "unknown-token": { status: 404, message: "There is no token {token}.", next: "`coxswain token list` shows them." },
  "unknown-claim": {
    status: 404,
    message: "There is no claim {claim}.",
    next: "`coxswain claim list` shows them.",
  },
  "unknown-batch": {
    status: 404,
    message: "There is no batch {batch}.",
    next: "`coxswain batch list` shows them.",
  },
  "unknown-site": {
    status: 404,
    message: "There is no site {site}.",
    next: "`coxswain site list` shows them; `coxswain site add` makes one.",
  },
  "site-exists": {
    status: 409,
    message: "There is a site {site} already.",
    next: "Choose another name, or change that one by `coxswain site change`.",
  },
  "unknown-phone": {
    status: 404,
    message: "The site {site} has no phone {phone}.",
    next: "`coxswain site phones {site}` shows them.",
  },
  "phone-exists": {
    status: 409,
    message: "The site {site} has a phone called {name} already.",
    next: "Choose another name, or remove that one: `coxswain site remove-phone`.",
  },
  "wrong-site-link": {
    status: 401,
    message: "This is not the secret of the site {site}.",
    next: "Make a new link: `coxswain site link {site}`.",
  },
  "unknown-session": {
    status: 404,
    message: "There is no session {session}.",
    next: "GET /api/v1/sessions lists them.",
  },
  "issue-busy": {
    status: 503,
    message: "More keys are being issued than the manager takes at a time; these weren't.",
    next: "Try again in a moment.",
  },
  busy: {
    status: 503,
    message: "Too many passwords are being checked.",
    next: "Try again in a moment.",
  },
  "no-such-path": {
    status: 404,
    message: "There is no {method} {path}.",
    next: "The API begins at /api/v1/system; docs/reference/http-api.md lists it.",
  },
  "unknown-node": { status: 404, message: "There is no node {node}.", next: "GET /api/v1/nodes lists them." },
  "unknown-update": { status: 404, message: "There is no update {update}.", next: "GET /api/v1/updates lists them." },
  "unknown-rollout": {
    status: 404,
    message: "There is no rollout {rollout}.",
    next: "GET /api/v1/rollouts lists them.",
  },
  "plan-refused": {
    status: 409,
    message: "The plan can't be carried out: {reason} ({about}).",
    next: "{todo}",
  },
  "rollout-refused": {
    status: 409,
    message: "The rollout {rollout} can't do that now: {reason}.",
    next: "{todo}",
  },
  "not-quarantined": {
    status: 404,
    message: "{digest} isn't quarantined for the model {model}.",
    next: "GET /api/v1/quarantine lists what is.",
  },
  "unknown-artifact": {
    status: 404,
    message: "No artifact with the digest {digest} is stored.",
    next: "Upload it first: PUT /api/v1/artifacts/<64 hexadecimal digits of its SHA-256>.",
  },
  "no-artifact-token": {
    status: 401,
    message: "An artifact is for nodes that were offered it, and for operators.",
    next: "Nodes take the link of their action, with its token; operators send `Authorization: Bearer`, by https or on loopback.",
  },
  "wrong-artifact-token": {
    status: 403,
    message: "The link's token isn't for this artifact.",
    next: "Take the link as the action has it.",
  },
  "artifact-token-expired": {
    status: 403,
    message: "The link is too old, or its attempt is over.",
    next: "Ask for the action again: POST /status.",
  },
  "unknown-command": {
    status: 404,
    message: "Node {node} has no command {command}.",
    next: "GET /api/v1/nodes/{node}/commands lists them.",
  },
  "no-credentials": {
    status: 404,
    message: "The node {node} has no credentials that could be revoked.",
    next: "GET /api/v1/nodes/{node}/credentials lists those that it had.",
  },
  "nothing-to-rotate": {
    status: 409,
    message: "The node {node} uses no credentials that could be rotated.",
    next: "`coxswain node add {node}` makes the first ones, or others in place of those that it has not used yet.",
  },
  "no-dtls": {
    status: 409,
    message: "Credentials of the scheme {scheme} are for DTLS, which this manager doesn't speak.",
    next: "See its log at the start: the native addon is missing, or it was started with --no-dtls. Or issue credentials for OSCORE.",
  },
  "no-authority": {
    status: 409,
    message: "This manager has no CA of its own.",
    next: "Ask whoever runs the CA that it was given.",
  },
  "unknown-certificate": {
    status: 404,
    message: "The CA made no certificate with the serial number {serial}.",
    next: "GET /api/v1/ca/certificates lists them.",
  },
  "certificate-of-node": {
    status: 409,
    message: "The certificate {serial} is a credential of the node {node}.",
    next: "DELETE /api/v1/nodes/{node}/credentials revokes it; POST makes another.",
  },
  "bad-certificate-request": {
    status: 400,
    message: "The certificate request isn't signed here: {reason}.",
    next: "Make one with a key on P-256: openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -subj /CN=node",
  },
  "no-manifest": {
    status: 404,
    message: "The update {update} has no signed manifest yet.",
    next: "PUT it to /api/v1/updates/{update}/manifest.",
  },
  "nothing-open": {
    status: 409,
    message: "Node {node} has nothing under way that could be cancelled.",
    next: "GET /api/v1/nodes/{node} shows what it does.",
  },
  "bad-node-id": { status: 400, message: "{node} is no node id: {rule}.", next: "Check the spelling." },
  "bad-digest": {
    status: 400,
    message: "{digest} is no digest.",
    next: "Give the 64 hexadecimal digits of the SHA-256.",
  },
  "bad-query": {
    status: 400,
    message: "The query {name}={value} isn't {needed}.",
    next: "Correct it or leave it out.",
  },
  "bad-body": {
    status: 400,
    message: "The body isn't a valid {kind}: {rule} at {path}.",
    next: "Correct that property. Bodies that have a schema are in docs/reference/messages.md.",
  },
  "bad-request": { status: 400, message: "The request can't be read: {reason}.", next: "Correct the request." },
  "unsupported-format": {
    status: 415,
    message: "The body's Content-Type {format} isn't understood here.",
    next: "Send {needed}.",
  },
  "body-too-large": {
    status: 413,
    message: "The body is larger than {limit} bytes.",
    next: "Send less, or raise the limit in the manager's settings.",
  },
  "update-conflict": {
    status: 409,
    message: "The update {update} exists with another content.",
    next: "Choose another id, or withdraw that one.",
  },
  "update-withdrawn": {
    status: 409,
    message: "The update {update} was withdrawn.",
    next: "Create a new one under another id.",
  },
  "update-unsigned": {
    status: 409,
    message: "The update {update} isn't signed by a key that the manager trusts, so it is offered to nobody.",
    next: "Sign it and PUT the envelope to /api/v1/updates/{update}/manifest.",
  },
  "signature-required": {
    status: 422,
    message:
      "The update {update} has no signed envelope, and nothing was made: this manager takes no update that nobody signed.",
    next: "Send its envelope with it as `envelope`, base64. To try things out, start the manager with --unsigned-updates.",
  },
  "wrong-size": {
    status: 409,
    message: "The artifact has {stored} bytes, the update says {said}.",
    next: "Give the size of the stored artifact, or upload the right one.",
  },
  "artifact-in-use": {
    status: 409,
    message: "The artifact {digest} belongs to the update {update}.",
    next: "Withdraw that update first.",
  },
  "digest-mismatch": {
    status: 422,
    message: "The bytes that arrived have another digest than {digest}; nothing was kept.",
    next: "Check the file and upload it again.",
  },
  "size-mismatch": {
    status: 422,
    message: "The upload ended early or was longer than announced; nothing was kept.",
    next: "Upload it again.",
  },
  "empty-artifact": { status: 422, message: "The upload had no bytes.", next: "Check the file." },
  "disk-full": {
    status: 507,
    message: "The manager's disk, or its room for artifacts, is full; nothing was kept.",
    next: "Delete artifacts no update needs, or make room.",
  },
  "range-outside": {
    status: 416,
    message: "The range is outside of the {size} bytes.",
    next: "Ask for a range inside, or without Range.",
  },
  refused: { status: 409, message: "Refused: {reason}.", next: "GET /api/v1/nodes/{node} shows the node's state." },
  forbidden: { status: 403, message: "Not allowed: {reason}.", next: "There is no way around it yet." },
  "queue-full": {
    status: 503,
    message: "Node {node} has as many actions waiting as its queue holds.",
    next: "Wait until it took some, or cancel one.",
  },
  "too-many-tokens": {
    status: 409,
    message: "{operator} has as many API tokens as an operator may have.",
    next: "Revoke one that isn't needed: `coxswain token list`, `coxswain token revoke ID`.",
  },
  "too-many": {
    status: 503,
    message: "The limit {limit} is reached.",
    next: "Come back later, or raise the limit in the manager's settings.",
  },
  "not-ready": { status: 503, message: "The manager is {state}.", next: "Try again in a moment." },
  "storage-failed": {
    status: 503,
    message: "The manager could not write to its storage ({code}); nothing was changed.",
    next: "See the manager's log; check the disk of its data folder.",
  },
  "internal-error": {
    status: 500,
    message: "Something went wrong inside the manager.",
    next: "See its log at this time, and report it as a defect.",
  },
  ...manifestErrors,
} as const satisfies Readonly<Record<string, { status: number; message: string; next: string }>>;

export type ApiErrorCode = keyof typeof apiErrors;

/** Thrown by a route, turned into its answer in one place. */
export class ApiError extends Error {
  readonly code: ApiErrorCode;
  readonly status: number;
  readonly next: string;

  constructor(code: ApiErrorCode, data: Readonly<Record<string, string | number>> = {}) {
    const fill = (text: string): string =>
      text.replace(/\{([a-z]+)\}/g, (hole, name: string) => String(data[name] ?? hole).slice(0, 200));
    const entry = apiErrors[code];
    super(fill(entry.message));
    this.name = "ApiError";
    this.code = code;
    this.status = entry.status;
    this.next = fill(entry.next);
  }

  body(): { error: { code: ApiErrorCode; message: string; next: string } } {
    return { error: { code: this.code, message: this.message, next: this.next } };
  }
}
