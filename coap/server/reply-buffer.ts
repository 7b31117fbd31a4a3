import { Code } from "../message.ts";
import type { BodySource, CoapReply, CoapReplyFields } from "../route.ts";

const nothing = new Uint8Array(0);
const secondsUntilRoom = 10;

/** The reply that a route fills. One is used again and again for synchronous routes. */
export class ReplyBuffer implements CoapReply {
  code: number = Code.content;
  payload: Uint8Array = nothing;
  contentFormat: number | undefined = undefined;
  maxAge: number | undefined = undefined;
  etag: Uint8Array | undefined = undefined;
  locationPath: readonly string[] | undefined = undefined;
  locationQuery: readonly string[] | undefined = undefined;
  body: BodySource | undefined = undefined;
  options: CoapReply["options"] = undefined;
  observable: boolean = true;
  /** Of the engine's own: what the peer has to give back (RFC 9175). */
  echo: Uint8Array | undefined = undefined;
  later: Promise<CoapReplyFields> | undefined = undefined;

  /** Back to the usual answer of the method. */
  reset(method: number): void {
    this.code =
      method === Code.get || method === Code.fetch
        ? Code.content
        : method === Code.delete
          ? Code.deleted
          : Code.changed;
    this.payload = nothing;
    this.contentFormat = undefined;
    this.maxAge = undefined;
    this.etag = undefined;
    this.locationPath = undefined;
    this.locationQuery = undefined;
    this.body = undefined;
    this.options = undefined;
    this.observable = true;
    this.echo = undefined;
    this.later = undefined;
  }

  /** An answer of the engine itself: a code and, for people, why. Where there is no room it says when there may be. */
  refuse(code: number, diagnostic?: string): void {
    this.reset(Code.get);
    this.code = code;
    if (code === Code.tooManyRequests || code === Code.serviceUnavailable) this.maxAge = secondsUntilRoom;
    if (diagnostic !== undefined) this.payload = utf8.encode(diagnostic);
  }

  fill(fields: CoapReplyFields): void {
    if (fields.code !== undefined) this.code = fields.code;
    if (fields.payload !== undefined) this.payload = fields.payload;
    if (fields.contentFormat !== undefined) this.contentFormat = fields.contentFormat;
    if (fields.maxAge !== undefined) this.maxAge = fields.maxAge;
    if (fields.etag !== undefined) this.etag = fields.etag;
    if (fields.locationPath !== undefined) this.locationPath = fields.locationPath;
    if (fields.locationQuery !== undefined) this.locationQuery = fields.locationQuery;
    if (fields.body !== undefined) this.body = fields.body;
    if (fields.options !== undefined) this.options = fields.options;
    if (fields.observable !== undefined) this.observable = fields.observable;
  }
}

const utf8 = new TextEncoder();
