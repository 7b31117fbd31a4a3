/** A line to a serial-line adapter: a serial port, a pty, a socket. */
export interface ByteLink {
  /** Never blocks. What the other side doesn't take waits here, and is bounded by who writes. */
  write(text: string): void;
  /** After it nothing is told any more. */
  close(): void;
}

export interface ByteLinkEvents {
  data(bytes: Uint8Array): void;
  /** It ended by itself; told once. */
  closed(reason: string): void;
}

/** Opens the line, or rejects with an Error whose message says what is wrong and what to do. */
export type OpenByteLink = (events: ByteLinkEvents) => Promise<ByteLink>;
