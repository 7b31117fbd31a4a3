import { MessageType } from "../message.ts";

/** What a body of ours that comes or goes by Q-Block is told. `view` and `source` are only borrowed. */
export type WriteMessage = (type: number, messageId: number, token: Uint8Array) => void;

/** How far back message IDs of a channel are known: more than two sets of messages. */
const remembered = 64;

/**
 * The messages of one body by Q-Block (RFC 9177 section 6): their tokens share their first half, and count in the second, so that the
 * body is found without keeping a token for each request.
 */
export class QBlockChannel {
  readonly number: number;
  readonly peer: number;
  readonly isConfirmable: boolean;
  /** First half of its tokens, and where the second begins: both random. */
  readonly id: number;
  readonly #base: number;
  /** Requests that were sent. */
  sent = 0;
  bytesSent = 0;
  isHeard: boolean = false;
  isOpen: boolean = true;
  /** It waits in the outbox for its turn. */
  isQueued: boolean = false;
  /** Confirmable messages that wait for their turn, and those under way. */
  readonly waiting: WriteMessage[] = [];
  readonly underWay = new Set<number>();
  readonly #own = new Int32Array(remembered).fill(-1);
  readonly #theirs = new Int32Array(remembered).fill(-1);
  #ownAt = 0;
  #theirsAt = 0;

  constructor(number: number, peer: number, isConfirmable: boolean, id: number, base: number) {
    this.number = number;
    this.peer = peer;
    this.isConfirmable = isConfirmable;
    this.id = id;
    this.#base = base;
  }

  nextToken(): Uint8Array {
    const token = new Uint8Array(8);
    const words = new DataView(token.buffer);
    words.setUint32(0, this.id);
    words.setUint32(4, (this.#base + this.sent++) >>> 0);
    return token;
  }

  /** Which request has the second half of a token: -1 none. */
  requestOf(secondHalf: number): number {
    const request = (secondHalf - this.#base) >>> 0;
    return request < this.sent ? request : -1;
  }

  wrote(messageId: number, bytes: number): void {
    this.bytesSent += bytes;
    this.#own[this.#ownAt] = messageId;
    this.#ownAt = (this.#ownAt + 1) % remembered;
  }

  hasSent(messageId: number): boolean {
    return this.#own.includes(messageId);
  }

  /** False: the message came before. */
  isFirst(type: number, messageId: number): boolean {
    // An ACK has our message ID.
    if (type === MessageType.acknowledgement) return true;
    if (this.#theirs.includes(messageId)) return false;
    this.#theirs[this.#theirsAt] = messageId;
    this.#theirsAt = (this.#theirsAt + 1) % remembered;
    return true;
  }
}
