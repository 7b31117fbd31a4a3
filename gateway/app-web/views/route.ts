/** Which page is open; it stands in the address, so that the phone's back gesture works. */
export type Route =
  | { readonly name: "overview" | "packs" | "control" | "rules" | "more" }
  | { readonly name: "pack"; readonly node: string };

/** The route in a fragment such as `#/packs/240ac400c001`; the overview where it says nothing. */
export function routeOf(fragment: string): Route {
  const [name, node] = fragment.replace(/^#\/?/, "").split("/");
  switch (name) {
    case "packs":
      return node !== undefined && /^[0-9a-f]{12}$/.test(node) ? { name: "pack", node } : { name };
    case "control":
    case "rules":
    case "more":
      return { name };
    default:
      return { name: "overview" };
  }
}
