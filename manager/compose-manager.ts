import { CoapEndpoint } from "../coap/endpoint.ts";
import type { Transport } from "../coap/transport/transport.ts";
import type { Clock } from "../kernel/clock.ts";
import type { Entropy } from "../kernel/entropy.ts";
import type { Part } from "../kernel/lifecycle.ts";
import type { Log } from "../kernel/log.ts";
import { AskerRules } from "./adapters/coap/asker.ts";
import { CoapDoors } from "./adapters/coap/coap-doors.ts";
import { CoapFace } from "./adapters/coap/coap-face.ts";
import { CoapNodeCaller } from "./adapters/coap/node-caller.ts";
import { NodeContexts } from "./adapters/coap/node-contexts.ts";
import type { NodeSessions } from "./adapters/coap/node-sessions.ts";
import { HttpServer } from "./adapters/http/http-server.ts";
import { defaultHttpLimits, type HttpLimits, type SiteUrls } from "./adapters/http/http-server-options.ts";
import { EmbeddedBroker } from "./adapters/mqtt/embedded-broker.ts";
import { hkdfSha256 } from "./adapters/storage/hkdf-sha256.ts";
import { mosquittoSecrets } from "./adapters/storage/mosquitto-secret.ts";
import type { FleetSettings } from "./app/api/environments.ts";
import type { ManagerApp } from "./app/api/manager-app.ts";
import { appLimits } from "./app/app-limits.ts";
import { createManagerApp } from "./app/create-manager-app.ts";
import type { Artifacts } from "./ports/artifacts.ts";
import type { CertificateAuthority } from "./ports/certificate-authority.ts";
import type { OperatorSecrets } from "./ports/operator-secrets.ts";
import type { OperatorTokens } from "./ports/operator-tokens.ts";
import type { SecretBox } from "./ports/secret-box.ts";
import type { SnapshotFile } from "./ports/snapshot-file.ts";
import type { Storage } from "./ports/storage.ts";
import type { TelemetryStore } from "./ports/telemetry-store.ts";
import { settingsDescription } from "./settings.ts";
import { manifestCrypto } from "./signing/manifest-crypto.ts";
import type { TlsDoors } from "./tls-doors.ts";
import { managerVersion } from "./version.ts";

const defaultVendor = settingsDescription.vendor.default;

export interface ManagerUrls {
  readonly http: string;
  readonly coap: string;
  /** Undefined: the manager doesn't speak TLS there. */
  readonly https?: string | undefined;
  readonly mqtts?: string | undefined;
  /** Undefined: the manager doesn't speak DTLS. */
  readonly coaps?: string | undefined;
  readonly mqtt: string;
}

export interface ComposeManagerOptions {
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: Log;
  readonly storage: Storage;
  readonly telemetryStore: TelemetryStore;
  readonly artifacts: Artifacts;
  readonly lastSeen: SnapshotFile;
  readonly auditHeads?: SnapshotFile | undefined;
  readonly secretBox: SecretBox;
  readonly operatorSecrets: OperatorSecrets;
  /** Who may act as operator; undefined: nobody, but under `isInsecure` whoever sits at this machine. */
  readonly tokens?: OperatorTokens | undefined;
  readonly transport: Transport;
  /** CoAP over DTLS, on a socket of its own; undefined: there is none. */
  readonly secured?: { readonly transport: Transport; readonly sessions: NodeSessions } | undefined;
  /** Makes certificates for nodes. */
  readonly authority?: CertificateAuthority | undefined;
  readonly certifiesNodes?: boolean | undefined;
  readonly revocationList?: SnapshotFile | undefined;
  /** Without a listener connections come by `broker.attach` and `http.attach` alone. */
  readonly mqttListener?: { readonly host: string; readonly port: number };
  readonly httpListener?: { readonly host: string; readonly port: number };
  /** Listeners of TLS beside them. */
  readonly tls?: ComposedTls | undefined;
  readonly observerPassword: string;
  /** Where nodes and people find what listens. */
  readonly urls: ManagerUrls;
  readonly ownHosts: readonly string[];
  readonly fleet: FleetSettings;
  readonly isInsecure: boolean;
  /** The domain that vendor ids of update manifests are made of. */
  readonly vendor?: string | undefined;
  /** Updates without a checked signature are offered; always under `isInsecure`. */
  readonly offersUnsigned?: boolean | undefined;
  /** Every rollout needs a second person's approval. */
  readonly fourEyes?: boolean | undefined;
  readonly limits: { readonly nodes: number } & Partial<HttpLimits>;
  /** Asks the process to end; an operator's shutdown calls it. */
  readonly shutdown?: (() => void) | undefined;
  /** Asks for a stop and a new start; undefined where that isn't offered. */
  readonly restart?: (() => void) | undefined;
}

export interface ComposedTls extends TlsDoors {
  /** Whose clients MQTT lets in by their certificates. */
  readonly trust: { readonly ca?: string | undefined; readonly crl?: string | undefined };
  readonly isOwnCa: boolean;
}

export interface ComposedManager {
  /** Other revocation lists of the CA that was given for nodes, and the serial numbers in them. Throws when they can't be used. */
  useRevocations(trust: { readonly ca?: string | undefined }, pem: string, revoked: ReadonlySet<string>): void;
  readonly app: ManagerApp;
  readonly broker: EmbeddedBroker;
  readonly http: HttpServer;
  /** To start in this order and to stop in reverse: the use cases before whatever lets somebody in. */
  readonly parts: readonly Part[];
}

function securedDoor(
  { transport, sessions }: NonNullable<ComposeManagerOptions["secured"]>,
  parts: Pick<ComposeManagerOptions, "clock" | "entropy" | "log">,
): CoapDoors["secured"] {
  return { endpoint: new CoapEndpoint({ transport, security: sessions.security, ...parts }), sessions };
}

/** Puts the manager together from its outside: the same whole over real sockets and files, and over a simulated world. */
export function composeManager(options: ComposeManagerOptions): ComposedManager {
  const { clock, entropy, log, transport, urls, fleet, isInsecure, limits, tls, shutdown, restart } = options;
  const amplification = isInsecure ? "none" : "routable";
  const { operators, claims: enrolments, batchContexts } = appLimits.defaults;
  const contexts = new NodeContexts({ entropy, log, nodes: limits.nodes, operators, enrolments, batchContexts });
  const open = new CoapEndpoint({ transport, clock, entropy, log, amplification, oscore: contexts });
  const doors = new CoapDoors({
    open,
    secured: options.secured && securedDoor(options.secured, { clock, entropy, log }),
  });
  const caller = new CoapNodeCaller({ doors, contexts, isInsecure });
  const broker = new EmbeddedBroker({
    ...options.mqttListener,
    ...(tls?.mqtts && {
      tls: { ...tls.mqtts, material: { ...tls.certificates.current, ...tls.trust }, isOwnCa: tls.isOwnCa },
    }),
    rootTopic: fleet.rootTopic,
    observerPassword: options.observerPassword,
    ...{ clock, entropy, log },
  });
  const app = createManagerApp({
    storage: options.storage,
    telemetryStore: options.telemetryStore,
    artifacts: options.artifacts,
    lastSeen: options.lastSeen,
    auditHeads: options.auditHeads,
    secretBox: options.secretBox,
    authority: options.authority,
    certifiesNodes: options.certifiesNodes,
    revocationList: options.revocationList,
    operatorSecrets: options.operatorSecrets,
    mosquittoSecret: mosquittoSecrets(entropy),
    keyDerivation: hkdfSha256,
    nodeCaller: caller,
    broker,
    ...{ clock, entropy, log },
    settings: fleet,
    artifactBases: [urls.https, urls.http, urls.coap, urls.coaps].filter((base) => base !== undefined),
    manifestCrypto,
    vendor: options.vendor ?? defaultVendor,
    fourEyes: options.fourEyes,
    offersUnsigned: isInsecure || options.offersUnsigned === true,
    limits: { nodes: limits.nodes },
  });
  broker.bind(app.brokerEvents);
  broker.bindKeyring(app.credentials.keyring);
  contexts.bind(app.credentials.keyring, app.operators.keyring, app.enrolments.keyring);
  options.secured?.sessions.bind(app.credentials.keyring, app.operators.keyring);
  const http = new HttpServer({
    app,
    ...options.httpListener,
    ...(tls?.https && { https: { ...tls.https, material: tls.certificates.current } }),
    attachMqtt: (stream) => broker.attach(stream),
    httpsUrl: () => urls.https,
    isInsecure,
    tokens: options.tokens,
    baseUrl: () => urls.http,
    coapUrls: () => ({ coap: urls.coap, coaps: urls.coaps, ca: tls?.nodeCa }),
    siteUrls: () => siteUrlsOf(urls, tls?.nodeCa),
    ownHosts: options.ownHosts,
    ...{ clock, entropy, log },
    limits: { ...defaultHttpLimits, ...limits },
    describe: () => ({
      version: managerVersion,
      urls,
      ...doors.counters(),
      mqtt: broker.counters(),
      http: http.counters(),
    }),
    ...{ shutdown, restart },
  });
  tls?.certificates.onChange((shown) => {
    http.useCertificate(shown);
    broker.useCertificate(shown);
  });
  const coap = new CoapFace({
    ...{ app, doors, caller, clock, entropy, log, isInsecure, shutdown, restart },
    askers: new AskerRules({
      isInsecure,
      authoriser: app.authoriser,
      principalOf: (operator) => app.operators.principal(operator),
      claimedAnother: (node, claimed) => app.identities.claimedAnother(node, claimed),
    }),
    httpBase: () => urls.http,
    tlsCa: () => tls?.nodeCa,
  });
  return {
    ...{ app, broker, http },
    useRevocations: (trust, crl, revoked) => {
      options.secured?.sessions.useTrust({ ...trust, crl }, revoked);
      broker.useRevocations(crl, revoked);
    },
    parts: [
      { name: "use cases", start: () => startApp(app, options.tokens !== undefined), stop: () => app.stop() },
      ...(tls === undefined
        ? []
        : [{ name: "TLS certificate", start: () => tls.certificates.start(), stop: () => tls.certificates.stop() }]),
      { name: "MQTT broker", start: () => broker.start(), stop: () => broker.stop() },
      { name: "HTTP server", start: () => http.start(), stop: () => http.stop() },
      { name: "CoAP endpoint", start: () => coap.start(), stop: () => coap.stop() },
    ],
  };
}

/** Encrypted wherever there is TLS. */
function siteUrlsOf({ http, https, mqtt, mqtts }: ManagerUrls, ca: string | undefined): SiteUrls {
  const manager = https ?? http;
  return { manager, gateway: mqtts ?? mqtt, phones: `${manager.replace(/^http/, "ws")}/mqtt`, ca };
}

/** Where operators have tokens there are accounts too: the first is there from the first start on. */
async function startApp(app: ManagerApp, hasAccounts: boolean): Promise<void> {
  await app.start();
  if (hasAccounts) await app.operators.ensureFirst();
}
