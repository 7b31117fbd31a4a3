import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { isNodeId } from "../../../schemas/wire/node-id.ts";
import { invitationLink } from "../../../schemas/wire/site-invitation.ts";
import { isSiteId } from "../../../schemas/wire/site-topics.ts";
import type { ManagerApp } from "../../app/api/manager-app.ts";
import type { InviteOutcome, SiteWish } from "../../app/api/sites.ts";
import { isWithin } from "../../domain/scope.ts";
import { isBrokerUrl, isSiteLabel, isTimeZone, siteLabelRule } from "../../domain/site.ts";
import { ApiError } from "./api-error.ts";
import type { SiteUrls } from "./http-server-options.ts";
import { actorOf, principalOf } from "./request-actor.ts";
import { bodyOf, objectOf, paramOf } from "./request-input.ts";

/** Households: /api/v1/sites; and `/site-link/:site`, where gateways ask for their phones. */
export function addSiteRoutes(server: FastifyInstance, app: ManagerApp, urls: () => SiteUrls): void {
  server.get("/api/v1/sites", (request) => ({
    sites: app.sites.list().filter(({ site }) => sees(request, site)),
  }));

  server.post("/api/v1/sites", async (request, reply) => {
    const { site, title = site, timeZone = "UTC", retains = false, ...rest } = objectOf(request, "site");
    if (typeof site !== "string" || !isSiteId(site)) throw badSite("site", "must be 1 to 63 of a-z, 0-9, . _ and -");
    requireSeen(request, site);
    const wish = wishOf({ title, timeZone, retains, ...rest }) as SiteWish;
    const made = await app.sites.add(site, wish, actorOf(request));
    if (made === "exists") throw new ApiError("site-exists", { site });
    if (made === "full") throw new ApiError("too-many", { limit: "sites" });
    return await reply.code(201).send(made);
  });

  server.get("/api/v1/sites/:site", (request) => {
    const site = siteOf(request);
    return app.sites.find(site) ?? unknown(site);
  });

  server.patch("/api/v1/sites/:site", async (request) => {
    const site = siteOf(request);
    const changed = await app.sites.change(site, wishOf(objectOf(request, "site")), actorOf(request));
    return changed === "unknown-site" ? unknown(site) : changed;
  });

  server.delete("/api/v1/sites/:site", async (request, reply) => {
    const site = siteOf(request);
    if ((await app.sites.remove(site, actorOf(request))) === "unknown-site") unknown(site);
    return await reply.code(204).send();
  });

  server.post("/api/v1/sites/:site/phones", async (request, reply) => {
    const site = siteOf(request);
    const { name } = objectOf(request, "phone");
    if (typeof name !== "string" || !isSiteLabel(name)) {
      throw new ApiError("bad-body", { kind: "phone", path: "name", rule: `must be ${siteLabelRule}` });
    }
    const outcome = await app.sites.invite(site, name, actorOf(request));
    return await answerInvited(reply, outcome, { site, name, urls: urls(), broker: app.sites.find(site)?.broker });
  });

  server.delete("/api/v1/sites/:site/phones/:phone", async (request, reply) => {
    const site = siteOf(request);
    const phone = paramOf(request, "phone");
    const removed = await app.sites.removePhone(site, phone, actorOf(request));
    if (removed === "unknown-site") return unknown(site);
    if (removed === "unknown-phone") throw new ApiError("unknown-phone", { site, phone });
    return await reply.send(removed);
  });

  server.post("/api/v1/sites/:site/link", async (request, reply) => {
    const site = siteOf(request);
    const outcome = await app.sites.link(site, actorOf(request));
    if (outcome.kind === "unknown-site") return unknown(site);
    const { manager, gateway, ca } = urls();
    reply.code(201).header("cache-control", "no-store");
    return await reply.send({ ...outcome.link, manager, broker: outcome.link.broker ?? gateway, ca });
  });

  server.get("/api/v1/site-access/mosquitto", (_request, reply) =>
    reply.header("cache-control", "no-store").send(app.sites.mosquitto()),
  );

  server.post("/site-link/:site", async (request, reply) => await follow(app, request, reply));
}

/** The gateway waits here for news of its site; its secret is all that it proves itself by. */
async function follow(app: ManagerApp, request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  const site = paramOf(request, "site");
  const secret = /^Bearer +([^ ]{1,64})$/i.exec(request.headers.authorization ?? "")?.[1];
  const report = bodyOf(request, "site-report");
  const gone = new AbortController();
  reply.raw.once("close", () => gone.abort());
  const from = { address: request.socket.remoteAddress, signal: gone.signal };
  const outcome = secret === undefined ? undefined : await app.sites.follow(site, secret, report, from);
  if (outcome === undefined || outcome.kind === "refused") throw new ApiError("wrong-site-link", { site });
  reply.header("cache-control", "no-store");
  return outcome.kind === "same" ? await reply.code(204).send() : await reply.send(outcome.access);
}

async function answerInvited(
  reply: FastifyReply,
  outcome: InviteOutcome,
  about: {
    readonly site: string;
    readonly name: string;
    readonly urls: SiteUrls;
    readonly broker: SiteWish["broker"];
  },
): Promise<unknown> {
  const { site, name, urls, broker } = about;
  switch (outcome.kind) {
    case "unknown-site":
      return unknown(site);
    case "name-taken":
      throw new ApiError("phone-exists", { site, name });
    case "full":
      throw new ApiError("too-many", { limit: "phones of a site" });
    case "invited": {
      const invitation = { ...outcome.invitation, server: broker?.phones ?? urls.phones };
      const { home = [] } = invitation;
      const bases = { ...(home[0] !== undefined && { home: home[0] }), server: urls.manager };
      const links = Object.fromEntries(
        Object.entries(bases).map(([where, base]) => [where, invitationLink(base, invitation)]),
      );
      return await reply
        .code(201)
        .header("cache-control", "no-store")
        .send({ ...outcome.view, site, invitation, links });
    }
  }
}

/** The site of the path, when the asker may see it. */
function siteOf(request: FastifyRequest): string {
  const site = paramOf(request, "site");
  requireSeen(request, site);
  return site;
}

function requireSeen(request: FastifyRequest, site: string): void {
  if (!sees(request, site)) {
    throw new ApiError("out-of-scope", { operator: principalOf(request).id, node: `the site ${site}` });
  }
}

function sees(request: FastifyRequest, site: string): boolean {
  return principalOf(request).scopes.every((scope) => isWithin(scope, { site, tags: [] }));
}

function unknown(site: string): never {
  throw new ApiError("unknown-site", { site });
}

function badSite(path: string, rule: string): ApiError {
  return new ApiError("bad-body", { kind: "site", path, rule });
}

/** What of a site's facts a body names; null takes gateway and broker away. */
function wishOf(body: Readonly<Record<string, unknown>>): Partial<SiteWish> {
  const { title, timeZone, gateway, retains, broker, ...rest } = body;
  const [other] = Object.keys(rest);
  if (other !== undefined) throw badSite(other, "there are site, title, timeZone, gateway, retains and broker");
  if (title !== undefined && (typeof title !== "string" || !isSiteLabel(title))) {
    throw badSite("title", `must be ${siteLabelRule}`);
  }
  if (timeZone !== undefined && (typeof timeZone !== "string" || !isTimeZone(timeZone))) {
    throw badSite("timeZone", "must be a name like Europe/Berlin");
  }
  if (gateway !== undefined && gateway !== null && (typeof gateway !== "string" || !isNodeId(gateway))) {
    throw badSite("gateway", "must be a node id");
  }
  if (retains !== undefined && typeof retains !== "boolean") throw badSite("retains", "must be true or false");
  return {
    ...(title !== undefined && { title }),
    ...(timeZone !== undefined && { timeZone }),
    ...(gateway !== undefined && { gateway: gateway ?? undefined }),
    ...(retains !== undefined && { retains }),
    ...(broker !== undefined && { broker: brokerOf(broker) }),
  };
}

function brokerOf(value: unknown): SiteWish["broker"] {
  if (value === null) return undefined;
  const { phones, gateway, ...rest } = (typeof value === "object" ? value : {}) as Readonly<Record<string, unknown>>;
  const isUrl = (url: unknown, whose: "phones" | "gateway"): url is string =>
    typeof url === "string" && isBrokerUrl(url, whose);
  if (!isUrl(phones, "phones") || !isUrl(gateway, "gateway") || Object.keys(rest).length > 0) {
    throw badSite("broker", "must be null or {phones: wss://HOST:PORT/PATH, gateway: mqtts://HOST:PORT}");
  }
  return { phones, gateway };
}
