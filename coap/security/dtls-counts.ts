/** What DTLS counts since the start. */
export function newDtlsCounts() {
  return {
    notDtls: 0,
    challenged: 0,
    handshakesFinished: 0,
    handshakesResumed: 0,
    handshakesFailed: 0,
    handshakesFailedByCertificate: 0,
    handshakesFailedByCipher: 0,
    handshakesFailedByAlert: 0,
    handshakesRefused: 0,
    handshakesTimedOut: 0,
    identitiesRefused: 0,
    recordsForged: 0,
    recordsReplayed: 0,
    sessionsClosed: 0,
    sessionsEvicted: 0,
    sessionsMoved: 0,
    sessionsExpired: 0,
    sendsDropped: 0,
  };
}

/** Where a failed handshake is counted besides, by the addon's number for its reason; what has none is something else. */
export const dtlsFailures = [
  undefined,
  "handshakesFailedByCertificate",
  "handshakesFailedByCipher",
  "handshakesFailedByAlert",
] as const;
