import type { CredentialView } from "../../manager/app/api/credentials.ts";
import { fleet, type Member, schemeWords } from "./fleet.ts";
import { operator, site } from "./operators.ts";
import { coxswain } from "./programs.ts";
import type { Stage } from "./stage.ts";

/** How long the manager is asked for what doesn't come as an event. */
const settleMs = 30_000;

/** An operator may do what his role allows, where his scope allows it, and nothing else. */
export async function tryForbiddenThings(stage: Stage): Promise<void> {
  const { story } = stage.options;
  const audit = await stage.ask("fleet", "/api/v1/audit");
  const label = await stage.ask("site", "/api/v1/nodes/sensor-1/labels", labelled("elsewhere"));
  const stranger = await stage.ask("site", "/api/v1/nodes/elsewhere-1/credentials", { method: "POST" });
  const codes = [audit.status, label.status, stranger.status];
  if (codes.some((code) => code !== 403)) throw new Error(`${operator} was answered ${codes.join(", ")}, not 403`);
  story.tell(operator, `may not read the audit, nor move nodes or make keys outside of the site ${site}: 403`, "good");
}

/** What a site's token may steer, the one of the fleet says. */
export async function labelFleet(stage: Stage): Promise<void> {
  for (const { id } of fleet) {
    const response = await stage.ask("fleet", `/api/v1/nodes/${id}/labels`, labelled(site));
    if (!response.ok) throw new Error(`the label of ${id} was answered ${response.status}`);
  }
  stage.options.story.tell(operator, `says that five nodes will be at the site ${site}, which that token is for`);
}

function labelled(where: string): RequestInit {
  return { method: "PUT", headers: { "content-type": "application/json" }, body: JSON.stringify({ site: where }) };
}

/** Keys for each node, in a file that a person would carry to it. */
export async function makeKeys(stage: Stage): Promise<void> {
  const { story } = stage.options;
  story.chapter("He makes keys for five nodes: OSCORE, a pre-shared key, a certificate");
  const add = async ({ id, scheme }: Member): Promise<void> => {
    const out = stage.credentialsPath(id);
    const { kid } = (await stage.coxswain("site", "node", "add", id, `--${scheme}`, "--out", out)) as { kid: string };
    story.tell(operator, `coxswain node add ${id} --${scheme}: kid ${kid}`);
  };
  await Promise.all(fleet.map(add));
}

/** New keys are on trial until the node used them once, and the old ones end by that. */
export async function rotateKeys(stage: Stage, id: string): Promise<void> {
  const { story, tally, programs } = stage.options;
  await stage.until(`${id} is through with its update`, () => tally.succeeded.has(id));
  const out = stage.renewedCredentialsPath(id);
  const { kid } = (await stage.coxswain("site", "node", "rotate", id, "--out", out)) as { kid: string };
  const onTrial = await credentialsOf(stage, id);
  if (onTrial.find((each) => each.kid === kid)?.state !== "on-trial")
    throw new Error(`${id}'s new keys aren't on trial`);
  story.tell(operator, `coxswain node rotate ${id}: kid ${kid} is on trial`);
  const back = stage.untilEvent(`${id} registers with its new keys`, (event) => {
    return event.kind === "registered" && event.node === id;
  });
  await programs.get(id)?.stop();
  stage.powerOn(id);
  await back;
  await settled(stage, `the old keys of ${id} are revoked by the first use of the new ones`, async () => {
    const all = await credentialsOf(stage, id);
    return all.every((each) => each.state === (each.kid === kid ? "active" : "revoked"));
  });
  story.tell(id, "has used its new keys, and the old ones are revoked by that", "good");
}

/** A node that is given up: closed at the broker at once, and refused at its next datagram. */
export async function revokeNode(stage: Stage, id: string): Promise<void> {
  const { story } = stage.options;
  const refused = 'coxswain_coap_oscore_total{event="contextNotFound"}';
  await stage.until(`${id} is back at the broker`, () => stage.isAtBroker(id));
  const before = await stage.metric(refused);
  const closed = stage.until(`the broker closes the connection of ${id}`, () => !stage.isAtBroker(id));
  await Promise.all([closed, stage.coxswain("site", "node", "revoke", id)]);
  story.tell(operator, `coxswain node revoke ${id}: the prototype is given up`);
  story.tell(id, "its connection to the broker is closed", "good");
  await settled(stage, `${id} is refused`, async () => (await stage.metric(refused)) > before);
  if ((await credentialsOf(stage, id)).some(({ state }) => state !== "revoked")) throw new Error(`${id} has good keys`);
  story.tell(id, "its next datagram is refused: 4.01", "good");
}

/** By what each node proved itself. */
export async function checkSchemes(stage: Stage): Promise<void> {
  for (const { id, scheme } of fleet) {
    const active = (await credentialsOf(stage, id)).filter(({ state }) => state === "active");
    if (active.length !== 1 || active[0]?.scheme !== scheme)
      throw new Error(`${id} isn't known by ${schemeWords[scheme]}`);
  }
}

/** That the broker was spoken to by TLS alone. */
export async function checkBroker(stage: Stage): Promise<void> {
  const [accepted, byTls, byCertificate] = await Promise.all([
    stage.metric("coxswain_mqtt_connects_accepted_total"),
    stage.metric("coxswain_mqtt_tls_connections_total"),
    stage.metric("coxswain_mqtt_certificates_accepted_total"),
  ]);
  if (accepted > byTls) throw new Error(`${accepted - byTls} connections to the broker were in the open`);
  if (byCertificate === 0) throw new Error("no node came to the broker with its certificate");
  const words = `${byTls} connections by TLS, ${byCertificate} of them with a certificate, none in the open`;
  stage.options.story.tell("broker", words, "good");
}

/** By the admin, since an operator may not read it. */
export async function verifyAudit(stage: Stage): Promise<void> {
  const { story, manager } = stage.options;
  const verdict = (await coxswain(manager, "audit", "verify")) as { isWhole: boolean; entries: number };
  if (!verdict.isWhole || verdict.entries === 0) throw new Error("the audit isn't whole");
  story.tell("admin", `coxswain audit verify: whole, ${verdict.entries} entries of who did what`, "good");
}

async function credentialsOf(stage: Stage, id: string): Promise<readonly CredentialView[]> {
  return (await stage.get<{ credentials: readonly CredentialView[] }>("site", `/nodes/${id}/credentials`)).credentials;
}

async function settled(stage: Stage, what: string, isSeen: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + settleMs;
  while (!(await isSeen())) {
    if (stage.options.signal.aborted) throw new Error("interrupted");
    if (performance.now() > end) throw new Error(`not seen in ${settleMs / 1000} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
