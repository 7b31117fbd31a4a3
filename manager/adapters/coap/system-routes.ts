import { Code } from "../../../coap/message.ts";
import type { CoapReplyFields, CoapRequest, Route } from "../../../coap/route.ts";
import { Fault } from "../../../kernel/fault.ts";
import type { FleetSettings } from "../../app/api/environments.ts";
import type { CoapContext } from "./coap-context.ts";
import { refusal } from "./refusal.ts";
import { messageFormats, view } from "./representation.ts";

const maxConfigBytes = 8_192;

/** The manager itself, for operators: /system/restart, /system/shutdown, /system/config. */
export function systemRoutes(context: CoapContext): Route[] {
  return [
    {
      method: "POST",
      path: "/system/restart",
      replay: "once",
      later: (request) => end(context, request, context.restart),
    },
    {
      method: "POST",
      path: "/system/shutdown",
      replay: "once",
      later: (request) => end(context, request, context.shutdown),
    },
    { method: "GET", path: "/system/config", replay: "again", later: (request) => config(context, request) },
    {
      method: "PUT",
      path: "/system/config",
      // Every node gets an action of it, and a late copy would bring back what was changed since.
      replay: "once",
      maxBody: maxConfigBytes,
      accepts: messageFormats.slice(0, 1),
      later: (request) => setConfig(context, request),
    },
  ];
}

async function end(
  context: CoapContext,
  request: CoapRequest,
  action: (() => void) | undefined,
): Promise<CoapReplyFields> {
  const asker = context.askers.operator(request);
  if (asker.kind === "refused") return refusal(asker.refusal, asker.detail);
  if (action === undefined) return refusal("not-offered");
  const what = `manager-${request.path.at(-1)}`;
  const told = context.app.audit.record({ what, actor: asker.actor, subject: "manager" });
  // A manager whose disk is full must still be stopped.
  await told.catch((error: unknown) => context.log.error("audit-failed", { what, error }));
  // The answer must be on its way before the socket closes; stopping waits for the turn to end.
  context.clock.after(100, action);
  return { code: Code.changed };
}

async function config(context: CoapContext, request: CoapRequest): Promise<CoapReplyFields> {
  const asker = context.askers.operator(request);
  if (asker.kind === "refused") return refusal(asker.refusal, asker.detail);
  return await Promise.resolve(view(request, withoutSecrets(context.app.environments.settings())));
}

async function setConfig(context: CoapContext, request: CoapRequest): Promise<CoapReplyFields> {
  const asker = context.askers.operator(request);
  if (asker.kind === "refused") return refusal(asker.refusal, asker.detail);
  let wanted: unknown;
  try {
    wanted = JSON.parse(new TextDecoder().decode(request.payload));
  } catch {
    return refusal("bad-body", "must be JSON");
  }
  if (typeof wanted !== "object" || wanted === null || Array.isArray(wanted))
    return refusal("bad-body", "must be an object");
  try {
    const changed = await context.app.environments.change(wanted as Partial<FleetSettings>, asker.actor);
    return view(request, withoutSecrets(changed));
  } catch (error) {
    // The text names the setting and its rule, never the value.
    if (error instanceof Fault && error.code.startsWith("settings.")) return refusal("bad-body", error.message);
    throw error;
  }
}

/** Wi-Fi passwords go to nodes and to nobody else. */
function withoutSecrets(settings: FleetSettings): unknown {
  return { ...settings, wifi: settings.wifi.map(({ ssid }) => ({ ssid })) };
}
