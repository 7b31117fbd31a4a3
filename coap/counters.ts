/** What the engine counts, from zero at its making. Fixed names, so that counting is one add. */
export interface Counters {
  datagramsReceived: number;
  datagramsSent: number;
  droppedPortZero: number;
  droppedTooLong: number;
  droppedPeersFull: number;
  ignoredNotCoap: number;
  malformedReset: number;
  malformedRejected: number;
  requests: number;
  duplicates: number;
  responses: number;
  responsesUnexpected: number;
  responsesFromElsewhere: number;
  responsesRejected: number;
  pings: number;
  acknowledgementsUnmatched: number;
  resetsReceived: number;
  resetsSent: number;
  retransmissions: number;
  transmissionsGivenUp: number;
  handlerFailed: number;
  handlerTooLate: number;
  criticalOptionRefused: number;
  overQuota: number;
  echoesAsked: number;
  answersShortened: number;
  refusalsSilent: number;
  answersUnconfirmed: number;
  overLimit: number;
  multicastRequests: number;
  multicastSilent: number;
  notificationsSent: number;
  notificationsStale: number;
  observersEnded: number;
}

export function newCounters(): Counters {
  return {
    datagramsReceived: 0,
    datagramsSent: 0,
    droppedPortZero: 0,
    droppedTooLong: 0,
    droppedPeersFull: 0,
    ignoredNotCoap: 0,
    malformedReset: 0,
    malformedRejected: 0,
    requests: 0,
    duplicates: 0,
    responses: 0,
    responsesUnexpected: 0,
    responsesFromElsewhere: 0,
    responsesRejected: 0,
    pings: 0,
    acknowledgementsUnmatched: 0,
    resetsReceived: 0,
    resetsSent: 0,
    retransmissions: 0,
    transmissionsGivenUp: 0,
    handlerFailed: 0,
    handlerTooLate: 0,
    criticalOptionRefused: 0,
    overQuota: 0,
    echoesAsked: 0,
    answersShortened: 0,
    refusalsSilent: 0,
    answersUnconfirmed: 0,
    overLimit: 0,
    multicastRequests: 0,
    multicastSilent: 0,
    notificationsSent: 0,
    notificationsStale: 0,
    observersEnded: 0,
  };
}
