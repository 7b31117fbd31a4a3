import type { Clock } from "../../../kernel/clock.ts";
import type { Entropy } from "../../../kernel/entropy.ts";
import type { Log } from "../../../kernel/log.ts";
import type { Artifacts } from "../../ports/artifacts.ts";
import type { Broker } from "../../ports/broker.ts";
import type { CertificateAuthority } from "../../ports/certificate-authority.ts";
import type { KeyDerivation } from "../../ports/key-derivation.ts";
import type { ManifestCrypto } from "../../ports/manifest-crypto.ts";
import type { MosquittoSecretOf } from "../../ports/mosquitto-secrets.ts";
import type { NodeCaller } from "../../ports/node-caller.ts";
import type { OperatorSecrets } from "../../ports/operator-secrets.ts";
import type { SecretBox } from "../../ports/secret-box.ts";
import type { SnapshotFile } from "../../ports/snapshot-file.ts";
import type { Storage } from "../../ports/storage.ts";
import type { TelemetryStore } from "../../ports/telemetry-store.ts";
import type { FleetSettings } from "./environments.ts";

export interface ManagerAppOptions {
  readonly storage: Storage;
  readonly telemetryStore: TelemetryStore;
  readonly artifacts: Artifacts;
  readonly lastSeen: SnapshotFile;
  /** Copy of the heads of the audit, outside of the database; undefined: none is kept. */
  readonly auditHeads?: SnapshotFile | undefined;
  readonly nodeCaller: NodeCaller;
  readonly broker: Broker;
  readonly secretBox: SecretBox;
  /** The manager's own CA; undefined: there is none. */
  readonly authority?: CertificateAuthority | undefined;
  /** The CA of nodes is the manager's own, so that it makes their certificates. Default true. */
  readonly certifiesNodes?: boolean | undefined;
  /** Where the revocation list is kept for others to read; undefined: nowhere. */
  readonly revocationList?: SnapshotFile | undefined;
  readonly operatorSecrets: OperatorSecrets;
  readonly mosquittoSecret: MosquittoSecretOf;
  readonly keyDerivation: KeyDerivation;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: Log;
  /** Defaults of the fleet's settings; what an operator changed and storage holds goes first. */
  readonly settings: FleetSettings;
  /** What comes before `/artifacts/<hex>` in an action's URIs, best first: `http://HOST:PORT`, `coap://HOST:PORT`, `coaps://HOST:PORT`. A node is told of those that it can use. */
  readonly artifactBases: readonly string[];
  readonly manifestCrypto: ManifestCrypto;
  /** The domain that vendor ids of update manifests are made of. */
  readonly vendor: string;
  /** Updates without a checked signature are offered. */
  readonly offersUnsigned: boolean;
  /** Every rollout needs a second person's approval, whatever its plan says. Default false. */
  readonly fourEyes?: boolean | undefined;
  /** Overrides of named limits. */
  readonly limits?: Readonly<Record<string, number>>;
}
