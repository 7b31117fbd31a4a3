import type { PeerIdentity } from "../../../coap/route.ts";
import type { OscoreContext } from "../../../coap/security/oscore/oscore-context.ts";
import { OscoreContexts } from "../../../coap/security/oscore/oscore-contexts.ts";
import { oscoreLimits } from "../../../coap/security/oscore/oscore-limits.ts";
import { OscoreOption } from "../../../coap/security/oscore/oscore-option.ts";
import type { OscoreContextOptions, OscoreParameters } from "../../../coap/security/oscore/oscore-parameters.ts";
import type { Entropy } from "../../../kernel/entropy.ts";
import type { Log } from "../../../kernel/log.ts";
import { fromHex, toHex } from "../../../schemas/wire/hex.ts";
import type { Keyring, KeyringEntry } from "../../app/api/credentials.ts";
import type { EnrolmentKey, EnrolmentKeyring } from "../../app/api/enrolments.ts";
import type { OperatorKey, OperatorKeyring } from "../../app/api/operators.ts";
import { enrolmentKidBytes, enrolmentName, parseEnrolmentName } from "../../domain/enrolment.ts";
import { credentialKey, kidFromBytes, kidToBytes, parseCredentialKey } from "../../domain/node-credential.ts";
import { operatorKeyName, operatorKidBytes, parseOperatorKeyName } from "../../domain/operator-key.ts";

/** The manager's own Sender ID in every context: the shortest there is, since a node has one manager. */
const managerSenderId = new Uint8Array(0);

export interface NodeContextsOptions {
  readonly entropy: Entropy;
  readonly log: Log;
  /** Contexts of so many nodes, each with one on trial beside it. */
  readonly nodes: number;
  /** And of so many operators. */
  readonly operators?: number;
  /** And of so many who enrol by a code. */
  readonly enrolments?: number;
  /** And of so many who enrol by a batch's key: as many come as like, so the oldest makes room. */
  readonly batchContexts?: number;
}

interface Source {
  keyring: Keyring | undefined;
  operators: OperatorKeyring | undefined;
  enrolments: EnrolmentKeyring | undefined;
}

/**
 * The OSCORE contexts of nodes: made from the app's keyring when a node is first heard or called, gone in the turn in which their keys are revoked.
 */
export class NodeContexts extends OscoreContexts {
  readonly #source: Source;
  readonly #batchContexts: number;
  /** Of devices of batches, oldest first: those that a datagram asked for, and those that it verified with. */
  readonly #unproven = new Set<OscoreContext>();
  readonly #proven = new Set<OscoreContext>();

  constructor({ entropy, log, nodes, operators = 0, enrolments = 0, batchContexts = 0 }: NodeContextsOptions) {
    const source: Source = { keyring: undefined, operators: undefined, enrolments: undefined };
    const contexts = nodes * 2 + operators + enrolments + batchContexts;
    super({
      ...{ entropy, log, limits: { contexts: Math.min(contexts, oscoreLimits.definitions.contexts.max) } },
      leases: { lease: (name, count) => lease(source, name, count) },
      lookup: (kid, kidContext) => {
        if (kid.length === operatorKidBytes) {
          const key = source.operators?.find(toHex(kid));
          return key && operatorContextOf(key);
        }
        if (kid.length === enrolmentKidBytes) {
          const key = source.enrolments?.find(toHex(kid), kidContext);
          return key && enrolmentContextOf(key);
        }
        const entry = source.keyring?.find(kidFromBytes(kid));
        return entry && contextOf(entry);
      },
    });
    this.#source = source;
    this.#batchContexts = batchContexts;
  }

  override add(parameters: OscoreParameters, options: OscoreContextOptions = {}): OscoreContext {
    const isOfBatch = options.identity?.kind === "enrolment" && parameters.idContext !== undefined;
    if (isOfBatch && this.#unproven.size + this.#proven.size >= this.#batchContexts) this.#makeRoom();
    const context = super.add(parameters, options);
    if (isOfBatch) this.#unproven.add(context);
    return context;
  }

  override remove(context: OscoreContext): void {
    this.#unproven.delete(context);
    this.#proven.delete(context);
    super.remove(context);
  }

  /** Whoever knows the number of a batch may name any hardware id: that alone pushes out no device that has its key. */
  #makeRoom(): void {
    const [oldest = [...this.#proven][0]] = this.#unproven;
    if (oldest !== undefined) this.remove(oldest);
  }

  /** Where the keys are; the use cases are made after the endpoint that they call nodes with. */
  bind(keyring: Keyring, operators?: OperatorKeyring, enrolments?: EnrolmentKeyring): void {
    this.#source.keyring = keyring;
    this.#source.operators = operators;
    this.#source.enrolments = enrolments;
    keyring.onRevoked((kid) => this.#gone(kidToBytes(kid)));
    operators?.onRevoked((kid) => this.#gone(fromHex(kid)));
    enrolments?.onRevoked((kid) => this.#gone(fromHex(kid)));
  }

  /** The identity to call a node with; undefined: it has no keys that it proved to have. */
  identityOf(node: string): PeerIdentity | undefined {
    const identity = identityOf(node);
    if (this.of(identity) !== undefined) return identity;
    const entry = this.#source.keyring?.of(node);
    if (entry === undefined) return undefined;
    const context = contextOf(entry);
    if (context === undefined) return undefined;
    this.add(context.parameters, context.options);
    return identity;
  }

  override verified(context: OscoreContext): void {
    super.verified(context);
    if (this.#unproven.delete(context)) this.#proven.add(context);
    const { sequenceName } = context.options;
    const parsed = sequenceName === undefined ? undefined : parseCredentialKey(sequenceName);
    if (parsed !== undefined && !context.isRemoved) this.#source.keyring?.used(parsed.kid);
  }

  /** Removes those that exist already, of a batch one a device: the keyring has forgotten the kid, so that none is made of it. */
  #gone(kid: Uint8Array): void {
    const option = new OscoreOption();
    option.kidStart = 0;
    option.kidEnd = kid.length;
    for (let context = this.find(kid, option); context !== undefined; context = this.find(kid, option)) {
      this.remove(context);
    }
  }
}

function identityOf(node: string): PeerIdentity {
  return { kind: "node", id: node, scheme: "oscore" };
}

/** Undefined: those keys are of DTLS. */
function contextOf({ node, kid, secrets, isFresh }: KeyringEntry):
  | {
      readonly parameters: OscoreParameters;
      readonly options: OscoreContextOptions;
    }
  | undefined {
  if (secrets.scheme !== "oscore") return undefined;
  const { masterSecret, masterSalt } = secrets;
  return {
    parameters: { masterSecret, masterSalt, senderId: managerSenderId, recipientId: kidToBytes(kid) },
    options: { identity: identityOf(node), sequenceName: credentialKey(node, kid), isNew: isFresh },
  };
}

function operatorContextOf({ operator, kid, secrets, isFresh }: OperatorKey): {
  readonly parameters: OscoreParameters;
  readonly options: OscoreContextOptions;
} {
  const identity: PeerIdentity = { kind: "operator", id: operator, scheme: "oscore" };
  const recipientId = fromHex(kid);
  return {
    parameters: { ...secrets, senderId: managerSenderId, recipientId },
    options: { identity, sequenceName: operatorKeyName(operator, kid), isNew: isFresh },
  };
}

function enrolmentContextOf({ kid, id, idContext, secrets, isFresh }: EnrolmentKey): {
  readonly parameters: OscoreParameters;
  readonly options: OscoreContextOptions;
} {
  return {
    parameters: { ...secrets, senderId: managerSenderId, recipientId: fromHex(kid), idContext },
    options: {
      identity: { kind: "enrolment", id, scheme: "oscore" },
      sequenceName: enrolmentName(id),
      isNew: isFresh,
    },
  };
}

async function lease(source: Source, name: string, count: number): Promise<number> {
  const first = await leased(source, name, count);
  if (first === undefined) throw new Error(`${name} has no sequence numbers: it was revoked, or used them up.`);
  return first;
}

async function leased(
  { keyring, operators, enrolments }: Source,
  name: string,
  count: number,
): Promise<number | undefined> {
  const operator = parseOperatorKeyName(name);
  if (operator !== undefined) return await operators?.lease(operator, count);
  const enrolment = parseEnrolmentName(name);
  if (enrolment !== undefined) return await enrolments?.lease(enrolment, count);
  const parsed = parseCredentialKey(name);
  return parsed && (await keyring?.lease(parsed.kid, count));
}
