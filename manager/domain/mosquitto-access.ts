import { SiteTopics, siteId } from "../../schemas/wire/site-topics.ts";
import { gatewayUser, phoneUser } from "../../schemas/wire/site-users.ts";
import type { TopicRights } from "../../schemas/wire/topics.ts";
import type { ServerLogin, SiteRecord } from "./site.ts";

export interface MosquittoClient {
  readonly username: string;
  /** It connects under no other client id. */
  readonly clientid: string;
  readonly textname: string;
  readonly password: string;
  readonly salt: string;
  readonly iterations: number;
  readonly roles: readonly { readonly rolename: string; readonly priority: number }[];
}

export interface MosquittoRole {
  readonly rolename: string;
  readonly acls: readonly MosquittoAcl[];
}

export interface MosquittoAcl {
  readonly acltype: "publishClientSend" | "publishClientReceive" | "subscribePattern" | "unsubscribePattern";
  readonly topic: string;
  readonly priority: number;
  readonly allow: boolean;
}

/** The file of Mosquitto's dynamic-security plug-in (2.0), where nothing is allowed that no role allows. */
export interface MosquittoFile {
  readonly defaultACLAccess: {
    readonly publishClientSend: false;
    readonly publishClientReceive: false;
    readonly subscribe: false;
    readonly unsubscribe: true;
  };
  readonly clients: readonly MosquittoClient[];
  readonly groups: readonly object[];
  readonly roles: readonly MosquittoRole[];
}

/** The access rules of all households, the same as at the manager's own broker. */
export function mosquittoAccess(sites: ReadonlyMap<string, SiteRecord>): MosquittoFile {
  const topics = new SiteTopics();
  const ids = [...sites.keys()].toSorted();
  const roles = ids.flatMap((site) => [
    role(roleOf(site, "phone"), topics.rightsOfPhone(siteId(site))),
    role(roleOf(site, "gateway"), topics.rightsOfGateway(siteId(site))),
  ]);
  const clients = ids.flatMap((site) => {
    const { phones, link, title } = sites.get(site) as SiteRecord;
    return [
      ...phones.map(({ phone, name, server }) => client(phoneUser(site, phone), name, server, roleOf(site, "phone"))),
      ...(link === undefined ? [] : [client(gatewayUser(site), title, link.server, roleOf(site, "gateway"))]),
    ];
  });
  const defaultACLAccess: MosquittoFile["defaultACLAccess"] = {
    publishClientSend: false,
    publishClientReceive: false,
    subscribe: false,
    unsubscribe: true,
  };
  return { defaultACLAccess, clients, groups: [], roles };
}

/** No role of an operator's own is called so by accident. */
function roleOf(site: string, kind: "phone" | "gateway"): string {
  return `_site.${site}.${kind}`;
}

function role(rolename: string, { publish, subscribe }: TopicRights): MosquittoRole {
  const acl = (acltype: MosquittoAcl["acltype"], topic: string): MosquittoAcl => ({
    ...{ acltype, topic, priority: 0, allow: true },
  });
  return {
    rolename,
    acls: [
      ...publish.map((topic) => acl("publishClientSend", topic)),
      ...subscribe.flatMap((topic) => [acl("subscribePattern", topic), acl("publishClientReceive", topic)]),
    ],
  };
}

function client(username: string, textname: string, { mosquitto }: ServerLogin, rolename: string): MosquittoClient {
  const { hash, salt, iterations } = mosquitto;
  return {
    ...{ username, clientid: username, textname, password: hash, salt, iterations },
    roles: [{ rolename, priority: 0 }],
  };
}
