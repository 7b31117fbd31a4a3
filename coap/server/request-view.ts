import type { PeerTable } from "../exchange/peer-table.ts";
import { keptText } from "../kept-text.ts";
import { Code, type Method, methodNames, OptionNumber } from "../message.ts";
import type { MessageView, SetAside } from "../message-view.ts";
import type { CoapRequest, Peer, PeerIdentity } from "../route.ts";
import type { OscoreExchange } from "../security/oscore/oscore-exchange.ts";
import type { RouteEntry, Router } from "./router.ts";

/** The peer of the request at hand: reads the peer table when asked. */
export class PeerView implements Peer {
  row = -1;
  /** Whoever protected this request with OSCORE, in place of whom the address belongs to. */
  protector: PeerIdentity | undefined = undefined;
  readonly #peers: PeerTable;

  constructor(peers: PeerTable) {
    this.#peers = peers;
  }

  get address(): string {
    return this.#peers.addressText(this.row);
  }
  get port(): number {
    return this.#peers.columns.port[this.row]!;
  }
  get family(): 4 | 6 {
    return this.#peers.columns.family[this.row] === 6 ? 6 : 4;
  }
  get isLoopback(): boolean {
    return this.#peers.columns.isLoopback[this.row] === 1;
  }
  get identity(): PeerIdentity {
    return this.protector ?? this.#peers.identity(this.row);
  }
}

const maxParams = 32;

/** Where the query goes on behind `name`, -1 when it doesn't begin with it. Names of queries are ASCII. */
function endOfName(bytes: Uint8Array, start: number, end: number, name: string): number {
  const past = start + name.length;
  if (past > end) return -1;
  for (let i = 0; i < name.length; i++) if (bytes[start + i] !== name.charCodeAt(i)) return -1;
  return past;
}

/** A request over a decoded message. Everything but numbers is made when it is first asked for. */
export class RequestView implements CoapRequest {
  view: MessageView;
  peer: Peer;
  isMulticast: boolean = false;
  localAddress: string | undefined = undefined;
  entry: RouteEntry | undefined = undefined;
  /** Of a request that was protected with OSCORE: what its answer is protected with. */
  oscore: OscoreExchange | undefined = undefined;
  /** In place of the message's payload, when it came in blocks. */
  body: Uint8Array | undefined = undefined;
  /** It came with Q-Block1 or Q-Block2. */
  isQBlock: boolean = false;
  /** In place of the message's Observe option. */
  observeOverride: number | undefined = undefined;
  /** What was found out on the way to the handler: the Block1 option to echo, the largest body for 4.13, the `once` row; -1 none. */
  block1: number = -1;
  size1: number = -1;
  onceRow: number = -1;
  readonly #captured = new Uint16Array(maxParams);
  #restFrom = -1;
  #path: string[] | undefined;
  #queries: string[] | undefined;
  #params: Record<string, string> | undefined;

  constructor(view: MessageView, peer: Peer) {
    this.view = view;
    this.peer = peer;
  }

  /** Begins a new request over the same view. */
  reset(isMulticast: boolean): void {
    this.isMulticast = isMulticast;
    this.entry = undefined;
    this.body = undefined;
    this.isQBlock = false;
    this.observeOverride = undefined;
    this.block1 = -1;
    this.size1 = -1;
    this.onceRow = -1;
    this.#path = undefined;
    this.#queries = undefined;
    this.#params = undefined;
  }

  /** Takes over what the router found. */
  routed(entry: RouteEntry, router: Router): void {
    this.entry = entry;
    for (let i = 0; i < entry.paramNames.length; i++) this.#captured[i] = router.captured[i]!;
    this.#restFrom = router.restFrom;
  }

  /** A request that outlives the turn, with bytes of its own. */
  copy(peers: PeerTable): RequestView {
    const peer = peers.snapshot(this.peer.row);
    const { identity } = this.peer;
    const request = new RequestView(this.view.copy(), identity === peer.identity ? peer : { ...peer, identity });
    request.oscore = this.oscore?.copy();
    request.isMulticast = this.isMulticast;
    request.localAddress = this.localAddress;
    request.entry = this.entry;
    request.isQBlock = this.isQBlock;
    request.body = this.body?.slice();
    request.observeOverride = this.observeOverride;
    request.block1 = this.block1;
    request.size1 = this.size1;
    request.onceRow = this.onceRow;
    request.#captured.set(this.#captured);
    request.#restFrom = this.#restFrom;
    return request;
  }

  get method(): Method {
    return methodNames[this.view.code] ?? "GET";
  }

  /** GET and FETCH change nothing. */
  get isSafe(): boolean {
    return this.view.code === Code.get || this.view.code === Code.fetch;
  }

  get path(): readonly string[] {
    this.#path ??= this.view.path();
    return this.#path;
  }

  get params(): Readonly<Record<string, string>> {
    if (this.#params === undefined) {
      const params: Record<string, string> = {};
      const { entry, view } = this;
      if (entry !== undefined) {
        for (let i = 0; i < entry.paramNames.length; i++)
          params[entry.paramNames[i]!] = view.textAt(this.#captured[i]!);
        if (entry.hasRest) params["*"] = this.rest().join("/");
      }
      this.#params = params;
    }
    return this.#params;
  }

  /** The segments that `*` took. */
  rest(): string[] {
    const segments: string[] = [];
    for (let i = this.#restFrom; i >= 0 && i < this.view.optionCount; i++) {
      if (this.view.optionNumbers[i] === OptionNumber.uriPath) segments.push(this.view.textAt(i));
    }
    return segments;
  }

  get queries(): readonly string[] {
    this.#queries ??= this.view.texts(OptionNumber.uriQuery);
    return this.#queries;
  }

  query(name: string): string | undefined {
    const { view } = this;
    for (let i = 0; i < view.optionCount; i++) {
      if (view.optionNumbers[i] !== OptionNumber.uriQuery) continue;
      const start = view.optionStarts[i]!;
      const end = start + view.optionLengths[i]!;
      const past = endOfName(view.bytes, start, end, name);
      if (past === end) return "";
      if (past >= 0 && view.bytes[past] === 0x3d) return keptText(view.bytes, past + 1, end);
    }
    return undefined;
  }

  get contentFormat(): number | undefined {
    const value = this.view.uint(OptionNumber.contentFormat);
    return value < 0 ? undefined : value;
  }

  get accept(): number | undefined {
    const value = this.view.uint(OptionNumber.accept);
    return value < 0 ? undefined : value;
  }

  get observe(): number | undefined {
    if (this.observeOverride !== undefined) return this.observeOverride;
    const value = this.view.uint(OptionNumber.observe);
    return value < 0 ? undefined : value;
  }

  get payload(): Uint8Array {
    return this.body ?? this.view.payload();
  }

  get payloadBytes(): Uint8Array {
    return this.body ?? this.view.bytes;
  }

  get payloadStart(): number {
    return this.body === undefined ? this.view.payloadStart : 0;
  }

  get payloadEnd(): number {
    return this.body === undefined ? this.view.end : this.body.length;
  }

  get isConfirmable(): boolean {
    return this.view.type === 0;
  }

  values(number: number): readonly Uint8Array[] {
    const values: Uint8Array[] = [];
    const { view } = this;
    for (let i = 0; i < view.optionCount; i++) if (view.optionNumbers[i] === number) values.push(view.valueAt(i));
    return values;
  }

  get unrecognized(): readonly SetAside[] {
    return this.view.unrecognized();
  }

  option(number: number): Uint8Array | undefined {
    const index = this.view.find(number);
    return index < 0 ? undefined : this.view.valueAt(index);
  }
}
