/**
 * The public face of the package: `import { ... } from "coxswain/coap"`. What isn't here may change in any release.
 */

export type { Clock, Timer } from "../../kernel/clock.ts";
export type { Entropy } from "../../kernel/entropy.ts";
export { type AtFault, Fault, type FaultData, type FaultValue } from "../../kernel/fault.ts";
export { type Log, type LogData, silentLog } from "../../kernel/log.ts";
export { systemClock } from "../../kernel/system/system-clock.ts";
export { systemEntropy } from "../../kernel/system/system-entropy.ts";
export type { QBlockPeers } from "../blockwise/q-block-server.ts";
export type {
  CoapResponse,
  DiscoverOptions,
  Observation,
  ObservationEnd,
  ObservationListener,
  ObserveOptions,
  RequestOptions,
  Target,
} from "../client-types.ts";
export { type CoapUri, formatCoapUri, parseCoapUri } from "../coap-uri.ts";
export { CoapEndpoint, type CoapEndpointOptions } from "../endpoint.ts";
export { type CoapLimits, coapLimits } from "../limits.ts";
export { attributeOf, formatLinks, type Link, matchesLinkQuery, parseLinks } from "../link-format.ts";
export {
  Code,
  ContentFormat,
  codeFromText,
  codeText,
  isSuccess,
  type Method,
  noContentFormat,
  OptionNumber,
} from "../message.ts";
export type { ObservationKind } from "../observe/observation-types.ts";
export type {
  AnswerRoute,
  BodySource,
  CoapReply,
  CoapReplyFields,
  CoapRequest,
  LaterRoute,
  LinkAttributes,
  Peer,
  PeerIdentity,
  Route,
} from "../route.ts";
export { type DtlsSecurity, dtlsSecurity } from "../security/dtls.ts";
export { type DtlsLimits, dtlsLimits } from "../security/dtls-limits.ts";
export { type DtlsCredential, type DtlsOptions, type DtlsTrust, dtlsCiphers } from "../security/dtls-options.ts";
export type { OscoreContext } from "../security/oscore/oscore-context.ts";
export { OscoreContexts, type OscoreContextsOptions } from "../security/oscore/oscore-contexts.ts";
export { type OscoreLimits, oscoreLimits } from "../security/oscore/oscore-limits.ts";
export type { OscoreAlgorithm, OscoreContextOptions, OscoreParameters } from "../security/oscore/oscore-parameters.ts";
export { type SequenceLeases, volatileLeases } from "../security/oscore/sequence-leases.ts";
export type { Security } from "../security/security.ts";
export type { AmplificationLimit } from "../server/address-proof.ts";
export { type BatchTransportOptions, batchTransport } from "../transport/batch.ts";
export { type DgramTransportOptions, dgramTransport } from "../transport/dgram.ts";
export type { LocalAddress, Transport } from "../transport/transport.ts";
export { createEndpoint, type EndpointOptions } from "./create-endpoint.ts";
export { fileLeases } from "./file-leases.ts";
