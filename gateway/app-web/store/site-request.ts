import type { Messages, SiteRule, SiteUpdateTrigger } from "../../../schemas/generated/types.ts";
import type {
  HardwareNumber,
  SiteCommandName,
  SiteId,
  SiteTopics,
  siteCommands,
} from "../../../schemas/wire/site-topics.ts";

/** Something a person asks of the household. */
export type SiteRequest =
  | { [Name in SiteCommandName]: PackRequest<Name> }[SiteCommandName]
  | { readonly kind: "socket"; readonly socket: string; readonly on: boolean }
  | { readonly kind: "rules"; readonly rules: readonly SiteRule[]; readonly isTest: boolean }
  | { readonly kind: "update"; readonly trigger: Omit<SiteUpdateTrigger, "id"> };

interface PackRequest<Name extends SiteCommandName> {
  readonly kind: "pack";
  readonly name: Name;
  readonly payload: Omit<Messages[(typeof siteCommands)[Name]], "id">;
  /** Undefined: all packs. */
  readonly node: string | undefined;
}

/** The message that carries a request. */
export function requestMessage(
  topics: SiteTopics,
  site: SiteId,
  request: SiteRequest,
  id: string,
): { readonly topic: string; readonly payload: string } {
  switch (request.kind) {
    case "pack": {
      const topic = topics.command(site, request.name, request.node as HardwareNumber | undefined);
      return { topic, payload: JSON.stringify({ ...request.payload, id }) };
    }
    case "socket":
      return { topic: topics.socketCommand(site, request.socket), payload: JSON.stringify({ on: request.on, id }) };
    case "rules": {
      const payload = { rules: request.rules, ...(request.isTest ? { test: true } : {}), id };
      return { topic: topics.ofSite("rules-command", site), payload: JSON.stringify(payload) };
    }
    case "update":
      return { topic: topics.ofSite("update-trigger", site), payload: JSON.stringify({ ...request.trigger, id }) };
  }
}
