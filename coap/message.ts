/** Names for the numbers of RFC 7252 and its extensions. Codes are the byte on the wire: class in the upper 3 bits, detail below. */

/** Message types, RFC 7252 section 3. */
export const MessageType = { confirmable: 0, nonConfirmable: 1, acknowledgement: 2, reset: 3 } as const;
export type MessageType = (typeof MessageType)[keyof typeof MessageType];

/** Request methods (class 0), response codes (classes 2, 4, 5). `Code.content` is 2.05 = 0x45. */
export const Code = {
  empty: 0x00,
  get: 0x01,
  post: 0x02,
  put: 0x03,
  delete: 0x04,
  fetch: 0x05,
  patch: 0x06,
  iPatch: 0x07,
  created: 0x41,
  deleted: 0x42,
  valid: 0x43,
  changed: 0x44,
  content: 0x45,
  continue: 0x5f,
  badRequest: 0x80,
  unauthorized: 0x81,
  badOption: 0x82,
  forbidden: 0x83,
  notFound: 0x84,
  methodNotAllowed: 0x85,
  notAcceptable: 0x86,
  requestEntityIncomplete: 0x88,
  conflict: 0x89,
  preconditionFailed: 0x8c,
  requestEntityTooLarge: 0x8d,
  unsupportedContentFormat: 0x8f,
  unprocessableEntity: 0x96,
  tooManyRequests: 0x9d,
  internalServerError: 0xa0,
  notImplemented: 0xa1,
  badGateway: 0xa2,
  serviceUnavailable: 0xa3,
  gatewayTimeout: 0xa4,
  proxyingNotSupported: 0xa5,
  hopLimitReached: 0xa8,
} as const;

/** Option numbers of RFC 7252, 7641, 7959, 8613, 8768, 9175, 9177. */
export const OptionNumber = {
  ifMatch: 1,
  uriHost: 3,
  eTag: 4,
  ifNoneMatch: 5,
  observe: 6,
  uriPort: 7,
  locationPath: 8,
  oscore: 9,
  uriPath: 11,
  contentFormat: 12,
  maxAge: 14,
  uriQuery: 15,
  hopLimit: 16,
  accept: 17,
  qBlock1: 19,
  locationQuery: 20,
  block2: 23,
  block1: 27,
  size2: 28,
  qBlock2: 31,
  proxyUri: 35,
  proxyScheme: 39,
  size1: 60,
  echo: 252,
  noResponse: 258,
  requestTag: 292,
} as const;

/** Content-Formats that this project speaks; the registry of the IANA has more. */
/** In a route's `accepts`: a body without the option, whose format the route finds out. */
export const noContentFormat = -1;

export const ContentFormat = {
  textPlain: 0,
  linkFormat: 40,
  xml: 41,
  octetStream: 42,
  json: 50,
  cbor: 60,
  senmlJson: 110,
  senmlCbor: 112,
} as const;

export type Method = "GET" | "POST" | "PUT" | "DELETE" | "FETCH" | "PATCH" | "iPATCH";

/** Method names by their code; index 0 is no method. */
export const methodNames: readonly (Method | undefined)[] = [
  undefined,
  "GET",
  "POST",
  "PUT",
  "DELETE",
  "FETCH",
  "PATCH",
  "iPATCH",
];

/** The code byte of a method name. */
export function methodCode(method: Method): number {
  return methodNames.indexOf(method);
}

/** `0x45` as people write it: `2.05`. */
export function codeText(code: number): string {
  return `${code >> 5}.${String(code & 0x1f).padStart(2, "0")}`;
}

/** The code byte of `2.05` written by people; -1 when it isn't one. */
export function codeFromText(text: string): number {
  const match = /^([0-7])\.([0-2][0-9]|3[01])$/.exec(text);
  return match === null ? -1 : (Number(match[1]) << 5) | Number(match[2]);
}

/** Whether the code is a 2.xx response. */
export function isSuccess(code: number): boolean {
  return code >> 5 === 2;
}
