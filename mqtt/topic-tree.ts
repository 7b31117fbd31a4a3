interface TreeNode<Value> {
  children: Map<string, TreeNode<Value>> | undefined;
  values: Map<string, Value> | undefined;
}

/**
 * Values by topic path and key. It works both ways: filters stored and asked for by a topic (subscriptions, key: the
 * client), or topics stored and asked for by a filter (retained messages). Branches without values are pruned.
 */
export class TopicTree<Value> {
  readonly #root: TreeNode<Value> = { children: undefined, values: undefined };
  #size = 0;

  /** How many values are stored. */
  get size(): number {
    return this.#size;
  }

  get(path: string, key: string): Value | undefined {
    let node: TreeNode<Value> | undefined = this.#root;
    for (const level of path.split("/")) node = node?.children?.get(level);
    return node?.values?.get(key);
  }

  set(path: string, key: string, value: Value): void {
    let node = this.#root;
    for (const level of path.split("/")) {
      node.children ??= new Map();
      let child = node.children.get(level);
      if (child === undefined) {
        child = { children: undefined, values: undefined };
        node.children.set(level, child);
      }
      node = child;
    }
    node.values ??= new Map();
    if (!node.values.has(key)) this.#size++;
    node.values.set(key, value);
  }

  /** The value that was there. */
  delete(path: string, key: string): Value | undefined {
    const levels = path.split("/");
    const trail: TreeNode<Value>[] = [this.#root];
    for (const level of levels) {
      const child = trail.at(-1)?.children?.get(level);
      if (child === undefined) return undefined;
      trail.push(child);
    }
    const leaf = trail.at(-1);
    const value = leaf?.values?.get(key);
    if (!leaf?.values?.delete(key)) return undefined;
    this.#size--;
    for (let i = levels.length; i > 0; i--) {
      const node = trail[i];
      if ((node?.values?.size ?? 0) > 0 || (node?.children?.size ?? 0) > 0) break;
      trail[i - 1]?.children?.delete(levels[i - 1] ?? "");
    }
    return value;
  }

  /** Values stored under filters that `topic` matches. */
  ofTopic(topic: string): Value[] {
    const found: Value[] = [];
    matchTopic(this.#root, topic.split("/"), 0, found);
    return found;
  }

  /** Values stored under topics that match `filter`. */
  ofFilter(filter: string): Value[] {
    const found: Value[] = [];
    matchFilter(this.#root, filter.split("/"), 0, found);
    return found;
  }
}

function matchTopic<Value>(node: TreeNode<Value>, levels: readonly string[], at: number, found: Value[]): void {
  const level = levels[at];
  const isHidden = at === 0 && level?.startsWith("$");
  if (!isHidden) take(node.children?.get("#"), found);
  if (level === undefined) {
    take(node, found);
    return;
  }
  const plain = node.children?.get(level);
  if (plain !== undefined) matchTopic(plain, levels, at + 1, found);
  const wild = isHidden ? undefined : node.children?.get("+");
  if (wild !== undefined) matchTopic(wild, levels, at + 1, found);
}

function matchFilter<Value>(node: TreeNode<Value>, levels: readonly string[], at: number, found: Value[]): void {
  const level = levels[at];
  if (level === undefined) {
    take(node, found);
  } else if (level === "#") {
    take(node, found);
    for (const [name, child] of node.children ?? []) {
      if (at > 0 || !name.startsWith("$")) takeAll(child, found);
    }
  } else if (level === "+") {
    for (const [name, child] of node.children ?? []) {
      if (at > 0 || !name.startsWith("$")) matchFilter(child, levels, at + 1, found);
    }
  } else {
    const child = node.children?.get(level);
    if (child !== undefined) matchFilter(child, levels, at + 1, found);
  }
}

function takeAll<Value>(node: TreeNode<Value>, found: Value[]): void {
  take(node, found);
  for (const child of node.children?.values() ?? []) takeAll(child, found);
}

function take<Value>(node: TreeNode<Value> | undefined, found: Value[]): void {
  if (node?.values !== undefined) for (const value of node.values.values()) found.push(value);
}
