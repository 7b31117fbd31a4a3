import type { PeerTable } from "../exchange/peer-table.ts";
import { Code, OptionNumber } from "../message.ts";
import { contentTag } from "../security/content-tag.ts";
import { PeerView, type RequestView } from "../server/request-view.ts";

/** One representation that is observed: a path with its queries, Accept, size and kind of blocks and, for FETCH, body. */
export interface ObservedResource {
  readonly number: number;
  readonly key: string;
  readonly pathKey: string;
  /** The registration of its first observer, replayed for each notification. */
  readonly request: RequestView;
  readonly peer: PeerView;
  readonly members: number[];
  sequence: number;
}

/** Resources by what names them and by their path, as long as they have observers. */
export class ObservedResources {
  readonly #peers: PeerTable;
  readonly #byKey = new Map<string, ObservedResource>();
  readonly #byPath = new Map<string, Set<ObservedResource>>();
  readonly #byNumber: (ObservedResource | undefined)[] = [];
  readonly #free: number[] = [];

  constructor(peers: PeerTable) {
    this.#peers = peers;
  }

  at(number: number): ObservedResource {
    return this.#byNumber[number]!;
  }

  on(pathKey: string): Iterable<ObservedResource> {
    return this.#byPath.get(pathKey) ?? [];
  }

  /** The number of the request's resource, -1 when nobody observes it. */
  find(request: RequestView): number {
    return this.#byKey.get(keyOf(request))?.number ?? -1;
  }

  /** The resource of the request, made from a copy of it when it is new. */
  of(request: RequestView): ObservedResource {
    const key = keyOf(request);
    const known = this.#byKey.get(key);
    if (known !== undefined) return known;
    const copy = request.copy(this.#peers);
    copy.view.drop(isOfOneRequest);
    const peer = new PeerView(this.#peers);
    copy.peer = peer;
    copy.observeOverride = 0;
    copy.oscore = undefined;
    const number = this.#free.pop() ?? this.#byNumber.length;
    const pathKey = pathKeyOf(copy.path);
    const resource: ObservedResource = { number, key, pathKey, request: copy, peer, members: [], sequence: 0 };
    this.#byNumber[number] = resource;
    this.#byKey.set(key, resource);
    const samePath = this.#byPath.get(pathKey);
    if (samePath === undefined) this.#byPath.set(pathKey, new Set([resource]));
    else samePath.add(resource);
    return resource;
  }

  drop(resource: ObservedResource): void {
    this.#byKey.delete(resource.key);
    this.#byNumber[resource.number] = undefined;
    this.#free.push(resource.number);
    const samePath = this.#byPath.get(resource.pathKey);
    samePath?.delete(resource);
    if (samePath?.size === 0) this.#byPath.delete(resource.pathKey);
  }
}

/** Segments as a text that keeps them apart. */
export function pathKeyOf(path: readonly string[]): string {
  return JSON.stringify(path);
}

function keyOf(request: RequestView): string {
  const { view } = request;
  const parts: (string | number)[] = [view.code];
  for (let i = 0; i < view.optionCount; i++) {
    switch (view.optionNumbers[i]) {
      case OptionNumber.uriPath:
      case OptionNumber.uriQuery:
        parts.push(view.optionNumbers[i]!, view.textAt(i));
        break;
      case OptionNumber.accept:
      case OptionNumber.block2:
      case OptionNumber.qBlock2:
      case OptionNumber.contentFormat:
        parts.push(view.optionNumbers[i]!, view.uintAt(i));
        break;
      default:
    }
  }
  if (request.isQBlock) parts.push("q-block");
  if (view.code === Code.fetch) parts.push(request.payload.length, ...contentTag(request.payload));
  return JSON.stringify(parts);
}

/** Options that say something of the registration that brought them, and nothing of what is observed. */
function isOfOneRequest(number: number): boolean {
  switch (number) {
    case OptionNumber.eTag:
    case OptionNumber.ifMatch:
    case OptionNumber.ifNoneMatch:
    case OptionNumber.echo:
    case OptionNumber.requestTag:
    case OptionNumber.noResponse:
    case OptionNumber.size2:
      return true;
    default:
      return false;
  }
}
