import { ContentFormat } from "../../../coap/message.ts";
import { textRoute } from "./core-resources.ts";
import { type PlugtestSite, textBytes } from "./plugtest-site.ts";

/** The resources of the tests CL02 to CL09. */
export function addLinkResources(site: PlugtestSite): void {
  site.route(textRoute("/link1", "The first link", { if: "If1", rt: "Type1 Type2" }));
  site.route(textRoute("/link2", "The second link", { if: "If2", rt: "Type2 Type3" }));
  site.route(textRoute("/link3", "The third link", { if: "foo", rt: "Type1 Type3" }));
  const children = ["/path/sub1", "/path/sub2", "/path/sub3"];
  for (const path of children) site.route(textRoute(path, `The resource ${path}`, { title: "Below /path" }));
  site.route({
    method: "GET",
    path: "/path",
    replay: "again",
    produces: [ContentFormat.linkFormat],
    attributes: { ct: ContentFormat.linkFormat, title: "Links to what is below it" },
    answer(_request, reply) {
      reply.contentFormat = ContentFormat.linkFormat;
      reply.payload = textBytes(children.map((path) => `<${path}>`).join(","));
    },
  });
}
