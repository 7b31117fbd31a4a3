import { filterCovers, filterMatches, isTopicFilter, isTopicName } from "./topic-filter.ts";

export interface RightsData {
  /** Topic filters; it may publish on what matches one of them. */
  readonly publish: readonly string[];
  /** Topic filters; it may subscribe to what lies wholly within one of them. */
  readonly subscribe: readonly string[];
  /**
   * What becomes of a message that it wants retained: it is kept (default), passed on without being kept, or refused as one on a topic that it may
   * not publish on. Wills too.
   */
  readonly retained?: "kept" | "passed" | "refused";
}

/** What one client may publish and subscribe to. Names that begin with "$" belong to the broker, whatever the rights say. */
export class Rights {
  readonly retained: NonNullable<RightsData["retained"]>;
  readonly #publishExactly = new Set<string>();
  readonly #publish: readonly string[][];
  readonly #subscribe: readonly string[][];

  constructor({ publish, subscribe, retained = "kept" }: RightsData) {
    this.retained = retained;
    const wild: string[][] = [];
    for (const pattern of publish) {
      if (/[+#]/.test(pattern)) wild.push(pattern.split("/"));
      else this.#publishExactly.add(pattern);
    }
    this.#publish = wild;
    this.#subscribe = subscribe.map((pattern) => pattern.split("/"));
  }

  mayPublish(topic: string): boolean {
    if (topic.startsWith("$")) return false;
    if (this.#publishExactly.has(topic)) return true;
    if (this.#publish.length === 0 || !isTopicName(topic)) return false;
    const levels = topic.split("/");
    return this.#publish.some((pattern) => filterMatches(pattern, levels));
  }

  maySubscribe(filter: string): boolean {
    if (filter.startsWith("$") || !isTopicFilter(filter)) return false;
    const levels = filter.split("/");
    return this.#subscribe.some((pattern) => filterCovers(pattern, levels));
  }

  mayReceive(topic: string): boolean {
    if (topic.startsWith("$")) return false;
    const levels = topic.split("/");
    return this.#subscribe.some((pattern) => filterMatches(pattern, levels));
  }
}
