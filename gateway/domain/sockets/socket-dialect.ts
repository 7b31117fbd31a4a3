/** What a message of a smart socket tells; what it doesn't speak of is absent. */
export interface SocketReading {
  readonly isOnline?: boolean;
  readonly isOn?: boolean;
  /** W. */
  readonly power?: number;
  /** Today, kWh. */
  readonly energy?: number;
}

/** How one smart socket speaks MQTT. */
export interface SocketDialect {
  /** Topics that it speaks on; no wildcards. */
  readonly topics: readonly string[];
  /** undefined: nothing that concerns us. Never throws. */
  read(topic: string, payload: Uint8Array): SocketReading | undefined;
  /** Switches it. */
  command(isOn: boolean): SocketMessage;
  /** What makes it tell its state; undefined where it has nothing such. */
  ask(): SocketMessage | undefined;
}

export interface SocketMessage {
  readonly topic: string;
  readonly payload: string;
}
