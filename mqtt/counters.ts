const names = [
  "connections",
  "connectionsOverLimit",
  "connectsAccepted",
  "connectsRefused",
  "connectTimeouts",
  "keepAliveTimeouts",
  "versionsRefused",
  "packetsMalformed",
  "packetsTooLarge",
  "publishesReceived",
  "publishesRefused",
  "publishesTooDeep",
  "subscribesRefused",
  "readsPaused",
  "halfOpenQos2OverLimit",
  "slowClientsDisconnected",
  "droppedToSlowClients",
  "notQueued",
  "notRetained",
  "willsPublished",
  "willsRefused",
  "clientErrors",
  "listenerErrors",
] as const;

export type CounterName = (typeof names)[number];
/** How often things happened since the broker was built; `connections` is how many there are now. */
export type Counters = Record<CounterName, number>;

export function newCounters(): Counters {
  return Object.fromEntries(names.map((name) => [name, 0])) as Counters;
}
