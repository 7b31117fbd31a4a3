import { apiErrors } from "./api-error.ts";

/** What each route is for, in the order of the page. The test holds it to the routes that there are. */
export const describedRoutes: Readonly<Record<string, string>> = {
  "GET /api/v1/system":
    "The manager: version, URLs, counts of the nodes that one sees by presence; without a scope also counters of CoAP, MQTT and telemetry",
  "POST /api/v1/system/shutdown": "Ends the manager; 202",
  "POST /api/v1/system/restart": "Stops it and starts it anew in the same process; 202",
  "POST /api/v1/session":
    "Signs in: `{name, password}`, `{code}`, or the machine's `{token}` for a cookie that lasts 12 hours of disuse, a week at most; answers the CSRF token",
  "GET /api/v1/session":
    "Who is asking: name, role, scopes, what of `docs/reference/permissions.md` he may do, and the session's CSRF token; `{operator: null}` for nobody",
  "DELETE /api/v1/session": "Signs out; 204",
  "POST /api/v1/sign-in-codes":
    "A code that signs in once within 15 minutes, and the link with it; for another by `{operator}`, which admins may; 201",
  "PUT /api/v1/password":
    "`{password, current}`: one's own; `current` isn't needed after a link. Ends one's other sessions; 204",
  "GET /api/v1/sessions": "One's own sessions; of all operators for admins",
  "DELETE /api/v1/sessions/:session": "Ends one; 204",
  "GET /api/v1/tokens": "One's own API tokens, without their secrets; all of them for admins",
  "POST /api/v1/tokens":
    "`{label, role, scope, days, operator}`: an API token that can do no more than its owner; 201, told this once",
  "DELETE /api/v1/tokens/:token": "Revokes one by its id; 204",
  "GET /api/v1/operators": "Accounts with roles and scopes",
  "POST /api/v1/operators":
    "`{name, role, scope}`: an account without a password; a sign-in code lets its owner set one; 201",
  "PUT /api/v1/operators/:operator/role": "`{role, scope}`, in force at his next request",
  "DELETE /api/v1/operators/:operator": "Removes it with its sessions, tokens and credential; 204",
  "POST /api/v1/operators/:operator/credential":
    "`{scheme: oscore or x509}`: an OSCORE context or a certificate by which he comes on CoAP with his role and scope; 201, told this once. What he had is good no more",
  "DELETE /api/v1/operators/:operator/credential":
    "Revokes it: refused from the next datagram, observations ended; 204",
  "GET /api/v1/claims": "Claim codes without their secrets, newest first, and how far each is",
  "POST /api/v1/claims":
    "`{node, hours}`: a code by which one device gets this node's credentials once (default: a new id, 24 hours); 201, told this once",
  "DELETE /api/v1/claims/:claim": "Revokes one: refused from the next datagram; what it was exchanged for stays; 204",
  "GET /api/v1/batches": "Batches without their keys, newest first, and how many devices of each enrolled",
  "POST /api/v1/batches":
    "`{model, limit, hours, hardware}`: a key for as many devices (default: `node`, 100, a year, any hardware id); 201, told this once",
  "GET /api/v1/batches/:batch/devices": "Its devices that enrolled, and those that may once more",
  "POST /api/v1/batches/:batch/devices/:hardware/reopen":
    "Lets a device enrol once more within a day, although its node has credentials",
  "DELETE /api/v1/batches/:batch":
    "Revokes it: no device of it enrols from the next datagram on; what devices got stays, unless `?nodes=true`",
  "GET /api/v1/sites": "Households with their phones, without secrets",
  "POST /api/v1/sites":
    "`{site, title, timeZone, gateway, retains, broker}`: a household (default: its id, UTC, no gateway, nothing retained at the server broker, the manager's own broker); 201",
  "GET /api/v1/sites/:site": "One: its phones, where its gateway is at home, when that asked last",
  "PATCH /api/v1/sites/:site": "Changes what is named; `gateway: null` and `broker: null` take those away",
  "DELETE /api/v1/sites/:site": "Removes it with its phones: off the server broker at once; 204",
  "POST /api/v1/sites/:site/phones":
    "`{name}`: credentials for one phone, with the invitation and its links; 201, told this once",
  "DELETE /api/v1/sites/:site/phones/:phone":
    "Removes one by its id or name: off the server broker at once, and its gateway is told",
  "POST /api/v1/sites/:site/link": "What its gateway joins by; 201, told this once. What it had before is good no more",
  "GET /api/v1/site-access/mosquitto":
    "All households' clients, roles and password hashes for Mosquitto's dynamic-security plug-in",
  "POST /site-link/:site":
    "As the site's gateway, `Authorization: Bearer` with the secret of its link: `{revision, waitSeconds, home, ca}`; answers the phones when they are other than those of `revision`, else 204 after that time",
  "GET /metrics": "Everything that is counted, for Prometheus; for who has no scope",
  "GET /api/v1/settings": "Settings of the fleet, without secrets",
  "PATCH /api/v1/settings": "Changes some of them; every node is told by an `environment` action",
  "GET /api/v1/nodes":
    "Nodes. Query: `model tag phase presence site parent prefix`; `after` an id and `limit` up to 1000 walk through a large fleet (`next` says where to go on), `page` from 0 and `count` up to 1000 leaf through a small one and count it",
  "GET /api/v1/nodes/:node":
    "All that is known of one: manifest, presence, last reports with their ages, actions, commands, attempts, telemetry, alerts",
  "DELETE /api/v1/nodes/:node": "Removes it and its credentials; 204",
  "GET /api/v1/nodes/:node/credentials": "Its credentials by state, without secrets, newest first",
  "POST /api/v1/nodes/:node/credentials":
    "`{scheme: oscore, psk or x509, request, rotate}`: issues keys for a node that needn't be registered yet; 201 with the file of `cxnode --credentials`, told this once. Where the CA is given, x509 lets the node's certificate in and has no file. Keys in use stay good until the new ones, `on-trial` until then, were used; `rotate: true` only where there are such, and of their scheme unless one is named",
  "DELETE /api/v1/nodes/:node/credentials":
    "Revokes them: refused from the next datagram, off the broker, observations ended; 204",
  "GET /api/v1/nodes/:node/labels": "Its site and tags as operators said: its own, and with those of its gateway",
  "PUT /api/v1/nodes/:node/labels": "`{site, tags}`; the node needn't be registered yet",
  "GET /api/v1/nodes/:node/timeline":
    "What happened to it, newest first. Query: `limit` up to 500, `before` a sequence",
  "GET /api/v1/nodes/:node/telemetry":
    "Its points, newest first. Query: `series`, `from` and `to` in ms, `limit` up to 1000",
  "GET /api/v1/telemetry/latest": "The newest point of each series of many nodes. Query: `nodes=a,b,c`, at most 100",
  "GET /api/v1/nodes/:node/logs": "The tail of its log, as text",
  "GET /api/v1/nodes/:node/mode": "Its mode as operators want it",
  "PUT /api/v1/nodes/:node/mode":
    "`{mode: maintenance, reason}` or `{mode: maintenance, update}`; `{mode: operational}` cancels",
  "GET /api/v1/nodes/:node/commands": "Its commands, newest first, with what came of them",
  "POST /api/v1/nodes/:node/commands":
    "`{command: restart, terminate, identify or query-status, expires, reason}`; 201 with its id",
  "DELETE /api/v1/nodes/:node/commands/:command": "Cancels one that isn't done; 204",
  "PUT /api/v1/nodes/:node/config": "Queues a configuration for it; 202",
  "DELETE /api/v1/nodes/:node/attempt": "Cancels the update that is under way on it; 204",
  "POST /api/v1/status-now":
    "`{nodes: [...], deadlineMs}`: asks each for its status now; says who didn't answer, and why",
  "GET /api/v1/updates": "Updates with counts of their attempts by state, of the nodes that one sees",
  "POST /api/v1/updates":
    "`{id, version, model, size, digest, sequence, targets}`, and `envelope`, the signed manifest in base64: then it is created signed or not at all; 201, with `warnings: [{code, text}]` of what no registered node could tell, or 200 for the same body again. Without `envelope` only where unsigned updates are taken",
  "GET /api/v1/updates/:update": "One, with its attempts: bytes by way, resumes. Query: `attempts` up to 1000",
  "DELETE /api/v1/updates/:update": "Withdraws it: offered to nobody from then on; 204",
  "POST /api/v1/updates/:update/start":
    '`{nodes: [...] or "all", via: coap or mqtt}`: one attempt each; says for each node what came of it',
  "GET /api/v1/updates/:update/manifest": "Its signed envelope",
  "PUT /api/v1/updates/:update/manifest":
    "Checks the signed envelope as `docs/reference/update-manifest.md` says, and makes the update ready",
  "GET /api/v1/anchors": "Keys by which manifests are trusted, the vendor, and the key set that new nodes are handed",
  "POST /api/v1/anchors":
    "`{name, x, y}`, coordinates as in a JSON Web Key: has a key trusted; 201. Not with an API token",
  "DELETE /api/v1/anchors/:key": "Ends it here; nodes that have it keep it. 204. Not with an API token",
  "GET /api/v1/rollouts": "Rollouts, newest first; with a scope those alone that can't leave it",
  "POST /api/v1/rollouts":
    "A plan, as `docs/rollouts.md` describes it: `{id, update, targets, waves, limits, windows, gate, revert, ...}`; 201. Nobody is offered anything before it is started",
  "POST /api/v1/rollouts/preview":
    "The same plan: who would be in, who wouldn't and why, and how far each wave reaches",
  "POST /api/v1/rollouts/forecast":
    "The same plan and a `seed`: its duration, bytes, failures and roll-backs, by the same machine on virtual time with the records of these nodes. With `accept: application/x-ndjson` a line `{done}`, the share of members that have ended, now and then, and the answer as the last one",
  "GET /api/v1/rollouts/:rollout":
    "One: its plan, status, waves with their gates' verdicts, counts of members by phase",
  "GET /api/v1/rollouts/:rollout/members":
    "Its members by id. Query: `phase`, `after` an id, `limit` up to 1000; `next` says where to go on",
  "POST /api/v1/rollouts/:rollout/steps":
    "`{step: start, approve, pause, resume, abort, revert or retry}`, with `why`, `opensGate` (resume), `cancelsUnderWay` (abort), `nodes` (retry)",
  "GET /api/v1/nodes/:node/rollouts":
    "For each open rollout: where the node is in it, and in order why it wasn't offered the update yet",
  "GET /api/v1/quarantine": "Images that rolled back on too many nodes of a model",
  "DELETE /api/v1/quarantine/:model/:hex": "Lifts one: it may be offered again, and counting begins anew; 204",
  "GET /api/v1/artifacts": "What is stored: digests and sizes",
  "POST /api/v1/artifacts": "Uploads bytes; 201 with their digest",
  "GET /api/v1/artifacts/:hex": "One stored artifact's digest and size",
  "PUT /api/v1/artifacts/:hex":
    "Uploads bytes that must have this SHA-256; streamed, checked, kept whole or not at all",
  "DELETE /api/v1/artifacts/:hex": "Deletes one that no update needs; 204",
  "GET /api/v1/audit":
    "Who did what, newest first: when, from where, before and after. Query: `subject` (`node/ID`, `settings`...), `limit` up to 1000, `before` the `next` of an earlier page",
  "GET /api/v1/audit/verify": "Checks the chains of the audit; names each entry that was altered, moved or removed",
  "GET /api/v1/audit/export":
    "Every entry with its hash, one JSON object a line; the last line has the heads of the chains",
  "GET /api/v1/ca": "The manager's own CA: certificate, fingerprint, until when it is valid",
  "GET /api/v1/ca/certificates":
    "What it made: certificates of servers, then of nodes. Query: `limit` up to 1000, `after` the `next` of an earlier page",
  "POST /api/v1/ca/certificates":
    "`{hosts: [...], request}`: a certificate for a server at these names and addresses; without a PKCS #10 `request` the key is made too, and told this once; 201",
  "POST /api/v1/ca/certificates/:serial/renew":
    "`{request}`: another one for the same hosts; the old one stays good until it is too old or revoked; 201",
  "DELETE /api/v1/ca/certificates/:serial": "Revokes a server's certificate; 204",
  "GET /ca.pem": "The CA's certificate, for everybody",
  "GET /ca.crl": "The CA's revocation list (RFC 5280, DER), for everybody",
  "GET /api/v1/alerts": "What is wrong now",
  "GET /api/v1/events":
    "Live events as server-sent events; Last-Event-ID or `?after=` resumes, `reset` says that it couldn't",
  "GET /api/v1/events/recent": "Events that are kept, newest first. Query: `limit`, `without` kinds",
  "GET /artifacts/:hex":
    "For nodes, by the link of their action with its token `t`, and for operators: the bytes, with Range, If-Range, If-None-Match and the digest as strong ETag",
  "GET /u/:digits": "The same by the first 16 digits, for early device code",
  "GET /": "The console, with its scripts and style",
  "GET /app/*": "The household's app, with all its files",
};

/** Files of the console, which the page names once. */
export const consoleRoutes = [
  "/console.js",
  "/fleet.js",
  "/view.js",
  "/details.js",
  "/sign-in.js",
  "/session.js",
  "/account.js",
  "/console.css",
];

/** The reference page of the HTTP API. */
export function httpApiPage(): string {
  const routes = Object.entries(describedRoutes).map(([route, words]) => {
    const [method, path] = route.split(" ");
    return `| ${method} | \`${path}\` | ${words} |`;
  });
  const errors = Object.entries(apiErrors).map(
    ([code, { status, message }]) => `| \`${code}\` | ${status} | ${message} |`,
  );
  return [
    "# The HTTP API",
    "",
    "<!-- Rendered from manager/adapters/http/http-api-page.ts by a test; change it there. -->",
    "",
    "JSON in, JSON out. A program sends `Authorization: Bearer` with an API token, or the machine's; the console has a cookie, and sends `X-CSRF-Token` with each",
    "change; with `--insecure` whoever asks from the manager's own machine, under its own name, is an admin. Operators are answered by https (setting `tls.mode`), and in the open on loopback only;",
    "`/artifacts` serves nodes everywhere. Ten wrong passwords, tokens or codes from an address are answered 401, further ones 429.",
    "Who may do what is one table: `docs/reference/permissions.md`. What a scope doesn't hold is left out of lists, and 403 where it is named.",
    "Bodies that have a schema (`docs/reference/messages.md`) are held to it. Times that end in `Ms` are milliseconds since 1970.",
    "",
    "| method | path | what it does |",
    "| --- | --- | --- |",
    ...routes,
    "",
    "## Errors",
    'An error is `{"error": {"code", "message", "next"}}`: codes are stable, `message` says what happened and `next` what to do.',
    "",
    "| code | status | message |",
    "| --- | --- | --- |",
    ...errors,
    "",
  ].join("\n");
}
