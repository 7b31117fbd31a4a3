/** Which gateway speaks for which children. */
export class ChildBook {
  readonly #children = new Map<string, string[]>();
  readonly #gateways = new Map<string, string>();

  of(gateway: string): readonly string[] {
    return this.#children.get(gateway) ?? [];
  }

  /** Who speaks for it, if it is a child. */
  gatewayOf(child: string): string | undefined {
    return this.#gateways.get(child);
  }

  /** Whether it was new. */
  add(gateway: string, child: string): boolean {
    if (this.#gateways.get(child) === gateway) return false;
    this.remove(child);
    this.#gateways.set(child, gateway);
    this.#children.set(gateway, [...this.of(gateway), child]);
    return true;
  }

  /** Its gateway, if it had one. */
  remove(child: string): string | undefined {
    const gateway = this.#gateways.get(child);
    if (gateway === undefined) return undefined;
    this.#gateways.delete(child);
    const left = this.of(gateway).filter((each) => each !== child);
    if (left.length === 0) this.#children.delete(gateway);
    else this.#children.set(gateway, left);
    return gateway;
  }
}
