import type { CanFrame } from "../../schemas/wire/can.ts";

/**
 * A CAN bus as the gateway sees it, whatever joins it: a SocketCAN interface, a serial-line adapter, a virtual bus. It is
 * opened and, after a fault, opened again by itself with growing pauses; nothing of it ever blocks or throws.
 */
export interface CanBus {
  readonly state: CanBusState;
  readonly counters: Readonly<CanCounters>;
  /**
   * Queues a frame. `ended` is called once, later, with what became of it: never within this call, and never after the
   * bus was closed. Where the queue is full nothing is queued, `ended` is not called, and the answer is "full".
   */
  send(frame: CanFrame, ended?: (end: CanEnd) => void): "queued" | "full";
  /** Every received frame in order; never one's own. A listener that throws is counted and passed. Returns how to stop. */
  onFrame(listener: (frame: CanFrame) => void): () => void;
  /** Every change of state. */
  onState(listener: (state: CanBusState) => void): () => void;
  /** Begins to open the bus; what it finds shows as state. */
  open(): void;
  /** Ends everything; frames that still wait are dropped. */
  close(): Promise<void>;
}

/**
 * up: frames go out and are acknowledged. error-passive: the bus works but nobody acknowledges, as where the gateway is alone.
 * bus-off: the controller left the bus after too many errors and is being brought back. wrong-bit-rate: others speak at another
 * rate. unplugged: there is no adapter; it is looked for again. closed: not opened, or closed by us.
 */
export interface CanBusState {
  readonly kind: "closed" | "unplugged" | "up" | "error-passive" | "bus-off" | "wrong-bit-rate";
  /** What is wrong and what to do, for people; empty while up. */
  readonly reason: string;
}

/**
 * How sending ended. sent: it was on the bus and acknowledged (SocketCAN: the interface took it, the bus being up).
 * no-ack: given up, nobody acknowledged within the deadline. lost: the bus went down meanwhile.
 */
export type CanEnd = "sent" | "no-ack" | "lost";

export interface CanCounters {
  readonly sent: number;
  readonly received: number;
  /** Frames that found the queue full. */
  readonly refused: number;
  /** Frames whose sending didn't end well. */
  readonly failed: number;
  /** Times that the interface itself was full (ENOBUFS) and the frame was tried again. */
  readonly congested: number;
  /** Lines or frames that were none. */
  readonly garbled: number;
  /** Times that the adapter was opened anew after a fault. */
  readonly reopened: number;
  readonly busOffs: number;
}
