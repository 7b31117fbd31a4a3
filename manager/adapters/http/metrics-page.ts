import type { FastifyInstance } from "fastify";
import { dtlsFamilies } from "./dtls-metrics.ts";
import type { HttpServerOptions } from "./http-server-options.ts";
import { type MetricFamily, metricsText } from "./metrics-text.ts";

const contentType = "text/plain; version=0.0.4; charset=utf-8";

/** What a counter's name begins with, and the label that tells what follows it. */
const groups: Readonly<Record<string, { readonly label: string; readonly help: string }>> = {
  malformed: { label: "reason", help: "CoAP messages that couldn't be read, by reason" },
  security: { label: "event", help: "What the security layer under CoAP counted: DTLS" },
  oscore: { label: "event", help: "What OSCORE counted, refusals by reason among it" },
  transport: { label: "event", help: "What the UDP sockets counted" },
};

/** Broker and app count these up and down; all others only grow. */
const gauges = new Set(["connections", "sessions", "retained", "observedNodes", "openAttempts", "activeAlerts"]);

/** `GET /metrics`: everything that is counted, as Prometheus scrapes it (text exposition format 0.0.4). */
export function addMetricsPage(server: FastifyInstance, options: HttpServerOptions): void {
  server.get("/metrics", async (_request, reply) => {
    return await reply.type(contentType).send(metricsText(families(options)));
  });
}

function families({ app, clock, describe }: HttpServerOptions): readonly MetricFamily[] {
  const { counts, counters, startedAtMs } = app.status();
  const { registered: _, ...presences } = counts;
  const described = describe();
  return [
    {
      name: "coxswain_info",
      type: "gauge",
      help: "The manager; always 1",
      samples: [{ labels: { version: String(described["version"]) }, value: 1 }],
    },
    {
      name: "coxswain_uptime_seconds",
      type: "gauge",
      help: "Seconds since the start",
      samples: [{ value: Math.floor((clock.wallMs() - startedAtMs) / 1000) }],
    },
    {
      name: "coxswain_nodes",
      type: "gauge",
      help: "Registered nodes by presence",
      samples: Object.entries(presences).map(([presence, value]) => ({ labels: { presence }, value })),
    },
    ...counterFamilies("coap", "CoAP", described["coap"]),
    ...counterFamilies("coaps", "CoAP over DTLS", withoutSecurity(described["coaps"])),
    ...dtlsFamilies(described["dtls"]),
    ...counterFamilies("mqtt", "MQTT", described["mqtt"]),
    ...counterFamilies("http", "HTTP", described["http"]),
    ...counterFamilies("app", "Manager", counters),
  ];
}

/** What the endpoint says of DTLS has families of its own. */
function withoutSecurity(counters: unknown = {}): Readonly<Record<string, number>> {
  const all = Object.entries(counters as Readonly<Record<string, number>>);
  return Object.fromEntries(all.filter(([name]) => !name.startsWith("security.")));
}

/** One family for each counter, and one for each group of them that differ by their reason. */
export function counterFamilies(part: string, title: string, counters: unknown): readonly MetricFamily[] {
  const found = new Map<
    string,
    { readonly family: MetricFamily; readonly samples: MetricFamily["samples"][number][] }
  >();
  for (const [key, value] of Object.entries(counters as Readonly<Record<string, number>>)) {
    const at = key.indexOf(".");
    const group = at === -1 ? "" : key.slice(0, at);
    const rest = at === -1 ? key : key.slice(at + 1);
    const isHeld = group === "held";
    const known = groups[group];
    const isGauge = isHeld || gauges.has(rest) || rest.startsWith("credentialsIssued") || rest === "credentialsActive";
    const stem = `coxswain_${part}_${snake(group === "" ? rest : group)}`;
    const name = isGauge ? stem : `${stem}_total`;
    const label = isHeld ? "what" : (known?.label ?? "event");
    const sample = group === "" ? { value } : { labels: { [label]: rest }, value };
    const entry = found.get(name);
    if (entry !== undefined) {
      entry.samples.push(sample);
      continue;
    }
    const help = isHeld
      ? `${title}: rows held now`
      : (known?.help ?? `${title}: ${words(group === "" ? rest : group)}`);
    const samples = [sample];
    found.set(name, { family: { name, type: isGauge ? "gauge" : "counter", help, samples }, samples });
  }
  return [...found.values()].map(({ family }) => family);
}

function snake(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`).replace(/[^a-z0-9_]/g, "_");
}

/** `droppedPortZero` -> `dropped port zero`. */
function words(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
