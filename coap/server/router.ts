import { faults } from "../faults.ts";
import { methodCode, methodNames, OptionNumber } from "../message.ts";
import type { MessageView } from "../message-view.ts";
import type { Route } from "../route.ts";

/** A route as the engine keeps it. */
export interface RouteEntry {
  readonly route: Route;
  readonly method: number;
  /** Literal segments, or undefined for a `:name`; the `*` is left out. */
  readonly segments: readonly (string | undefined)[];
  readonly paramNames: readonly string[];
  readonly hasRest: boolean;
}

interface Literal {
  readonly text: string;
  readonly bytes: Uint8Array;
  readonly node: Node;
}

class Node {
  readonly literals: Literal[] = [];
  param: Node | undefined;
  rest: Node | undefined;
  /** By method code. */
  readonly routes: (RouteEntry | undefined)[] = [];
  hasRoutes: boolean = false;
}

const maxSegments = 32;

/** Finds routes by path segments, compared as bytes: `/a%2Fb` is one segment and never `/a/b`. */
export class Router {
  readonly #root = new Node();
  readonly #entries: RouteEntry[] = [];
  /** After `match`: option indexes of the segments that `:name`s took, in order. */
  readonly captured = new Uint16Array(maxSegments);
  /** After `match`: index of the first option that `*` took, -1 without `*`. */
  restFrom = -1;
  #segments = new Uint16Array(maxSegments);
  #segmentCount = 0;

  add(route: Route): void {
    const entry = parsePattern(route);
    let node = this.#root;
    for (const segment of entry.segments) {
      if (segment === undefined) {
        node.param ??= new Node();
        node = node.param;
      } else {
        let literal = node.literals.find(({ text }) => text === segment);
        if (literal === undefined) {
          literal = { text: segment, bytes: new TextEncoder().encode(segment), node: new Node() };
          node.literals.push(literal);
        }
        node = literal.node;
      }
    }
    if (entry.hasRest) {
      node.rest ??= new Node();
      node = node.rest;
    }
    if (node.routes[entry.method] !== undefined) throw bad(route, "there is one already");
    node.routes[entry.method] = entry;
    node.hasRoutes = true;
    this.#entries.push(entry);
  }

  entries(): readonly RouteEntry[] {
    return this.#entries;
  }

  /** The route of the request in `view`; "no-path" is 4.04, "no-method" 4.05. */
  match(view: MessageView): RouteEntry | "no-path" | "no-method" {
    // RFC 7252 section 5.8: whatever the path.
    if (view.code >= methodNames.length) return "no-method";
    let count = 0;
    for (let i = 0; i < view.optionCount; i++) {
      if (view.optionNumbers[i] !== OptionNumber.uriPath) continue;
      if (count === maxSegments || isDots(view, i)) return "no-path";
      this.#segments[count++] = i;
    }
    this.#segmentCount = count;
    this.restFrom = -1;
    const node = this.#walk(this.#root, view, 0, 0);
    if (node === undefined) return "no-path";
    return node.routes[view.code] ?? "no-method";
  }

  /** Whether the request in `view` is for a route that forwards. */
  forwards(view: MessageView): boolean {
    const entry = this.match(view);
    return typeof entry === "object" && entry.route.forwards === true;
  }

  /** Literals before `:name` before `*`, stepping back where a branch leads nowhere. */
  #walk(node: Node, view: MessageView, depth: number, taken: number): Node | undefined {
    if (depth === this.#segmentCount) {
      if (node.hasRoutes) return node;
      if (node.rest === undefined) return undefined;
      this.restFrom = view.optionCount;
      return node.rest;
    }
    const option = this.#segments[depth]!;
    for (const literal of node.literals) {
      if (!isSegment(view, option, literal.bytes)) continue;
      const found = this.#walk(literal.node, view, depth + 1, taken);
      if (found !== undefined) return found;
      break;
    }
    if (node.param !== undefined) {
      this.captured[taken] = option;
      const found = this.#walk(node.param, view, depth + 1, taken + 1);
      if (found !== undefined) return found;
    }
    if (node.rest !== undefined) this.restFrom = option;
    return node.rest;
  }
}

/** "." and ".." are no segments of a resource's path (RFC 7252 section 5.10.1), so no route ever sees them. */
function isDots(view: MessageView, option: number): boolean {
  const length = view.optionLengths[option]!;
  if (length === 0 || length > 2) return false;
  const start = view.optionStarts[option]!;
  return view.bytes[start] === 0x2e && view.bytes[start + length - 1] === 0x2e;
}

function isSegment(view: MessageView, option: number, bytes: Uint8Array): boolean {
  if (view.optionLengths[option] !== bytes.length) return false;
  const start = view.optionStarts[option]!;
  for (let i = 0; i < bytes.length; i++) if (view.bytes[start + i] !== bytes[i]) return false;
  return true;
}

function parsePattern(route: Route): RouteEntry {
  const method = methodCode(route.method);
  if (method < 1) throw bad(route, "there is no such method");
  if (!route.path.startsWith("/")) throw bad(route, "a path begins with /");
  for (const format of [route.attributes?.ct ?? []].flat()) {
    if (!Number.isInteger(format) || format < 0 || format > 0xffff)
      throw bad(route, "ct is a Content-Format, 0 to 65535");
  }
  const { sz = 0 } = route.attributes ?? {};
  if (!Number.isSafeInteger(sz) || sz < 0) throw bad(route, "sz is a number of bytes");
  const parts = route.path === "/" ? [] : route.path.slice(1).split("/");
  const hasRest = parts.at(-1) === "*";
  if (hasRest) parts.pop();
  const paramNames: string[] = [];
  const segments = parts.map((part) => {
    if (part === "" || part === "*") throw bad(route, "segments are not empty and * comes last");
    if (part === "." || part === "..") throw bad(route, "dot segments name nothing");
    if (!part.startsWith(":")) return part;
    const name = part.slice(1);
    if (name === "" || paramNames.includes(name)) throw bad(route, "each :name is there and its own");
    paramNames.push(name);
    return undefined;
  });
  if (segments.length > maxSegments) throw bad(route, `more than ${maxSegments} segments`);
  if (route.observable !== undefined && route.method !== "GET" && route.method !== "FETCH") {
    throw bad(route, "only GET and FETCH can be observed");
  }
  return { route, method, segments, paramNames, hasRest };
}

function bad(route: Route, what: string): Error {
  return faults("coap.bad-route", { method: route.method, path: route.path, what });
}
