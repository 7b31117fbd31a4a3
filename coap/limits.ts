/**
 * Every limit of the engine: its default and what happens when it is reached. Times are RFC 7252 section 4.8, in milliseconds.
 * Overridden one by one through the endpoint's `limits`.
 */
export interface CoapLimits {
  readonly ackTimeoutMs: number;
  readonly ackRandomFactor: number;
  readonly maxRetransmit: number;
  /** Outstanding interactions towards one peer (NSTART); further requests wait in the queue below. */
  readonly nstart: number;
  readonly exchangeLifetimeMs: number;
  readonly nonLifetimeMs: number;
  /** How long a `later` route may take before the empty ACK. */
  readonly separateAfterMs: number;
  /** A `later` route that takes longer is answered 5.04 and its signal aborts. */
  readonly laterDeadlineMs: number;
  /** How long a client waits for the response after the empty ACK, or to a NON request; then `coap.timeout`. */
  readonly responseTimeoutMs: number;
  /** Upper end of the random delay of answers to multicast (DEFAULT_LEISURE). */
  readonly leisureMs: number;

  /** Known peers; full: idle ones (exchangeLifetime) make room, else the request is answered 5.03. */
  readonly peers: number;
  /** Confirmable messages waiting for their ACK; full: the sender is told (`coap.queue-full`, notification later). */
  readonly outstanding: number;
  /** Requests waiting for NSTART, for each peer; full: `coap.queue-full`. */
  readonly queuePerPeer: number;
  /** Requests of ours that wait for a response; full: `coap.queue-full`. */
  readonly pendingRequests: number;
  /** `once` exchanges remembered; full: 5.03 with Max-Age, never an early forgetting. */
  readonly onceExchanges: number;
  /** The same for each peer; full: 4.29 with Max-Age. */
  readonly onceExchangesPerPeer: number;
  /** Bytes of stored answers of `once` exchanges; full: 5.03 with Max-Age. */
  readonly onceReplyBytes: number;
  /** `later` handlers running; full: 5.03 with Max-Age. */
  readonly running: number;
  /** The same for each peer; full: 4.29 with Max-Age. */
  readonly runningPerPeer: number;

  /** Largest datagram that is sent or looked at; a longer one is dropped and counted. */
  readonly maxDatagram: number;
  /** Options in one message; more is a format error. */
  readonly maxOptions: number;
  /** Largest request body when a route says nothing; more: 4.13. */
  readonly maxBody: number;
  /** Largest body that a client puts together; more: `coap.response-too-large`. */
  readonly maxResponseBody: number;
  /** Block size of our own answers and requests: 16, 32, ... 1024. */
  readonly blockSize: number;
  /** Block-wise transfers in progress; full: 5.03 with Max-Age, and those under way go on. */
  readonly transfers: number;
  /** The same for each peer; full: its own oldest one makes room. */
  readonly transfersPerPeer: number;
  /** Bytes held by all transfers; full: 5.03 with Max-Age (Block1), or answered without keeping the rest (Block2). */
  readonly transferBytes: number;
  /** A transfer that stands still longer is forgotten; a further Block1 is then 4.08. */
  readonly transferIdleMs: number;

  /** Observers of all resources; full: answered without Observe. */
  readonly observers: number;
  /** The same for each peer; full: answered without Observe. */
  readonly observersPerPeer: number;
  /** A notification is confirmable when the last confirmable one is older (RFC 7641 section 4.5: at least every 24 hours). */
  readonly confirmEveryMs: number;
  /** ...or after so many non-confirmable ones. */
  readonly confirmEveryCount: number;
  /** Observations of ours; full: `coap.queue-full`. */
  readonly observations: number;
  /** Answers to multicast waiting for their leisure; full: dropped and counted. */
  readonly leisurely: number;
}

export const defaultLimits: CoapLimits = {
  ackTimeoutMs: 2_000,
  ackRandomFactor: 1.5,
  maxRetransmit: 4,
  nstart: 1,
  exchangeLifetimeMs: 247_000,
  nonLifetimeMs: 145_000,
  separateAfterMs: 200,
  laterDeadlineMs: 60_000,
  responseTimeoutMs: 60_000,
  leisureMs: 5_000,
  peers: 131_072,
  outstanding: 16_384,
  queuePerPeer: 64,
  pendingRequests: 65_536,
  onceExchanges: 262_144,
  onceExchangesPerPeer: 4_096,
  onceReplyBytes: 67_108_864,
  running: 16_384,
  runningPerPeer: 256,
  maxDatagram: 2_048,
  maxOptions: 64,
  maxBody: 65_536,
  maxResponseBody: 16_777_216,
  blockSize: 1_024,
  transfers: 4_096,
  transfersPerPeer: 16,
  transferBytes: 67_108_864,
  transferIdleMs: 247_000,
  observers: 65_536,
  observersPerPeer: 1_024,
  confirmEveryMs: 3_600_000,
  confirmEveryCount: 30,
  observations: 65_536,
  leisurely: 256,
};
