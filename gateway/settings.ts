import type { SettingsDescription, SettingsOf } from "../kernel/settings-entry.ts";

const portRange = { min: 0, max: 65_535, unit: "port" } as const;
const file = { kind: "text", default: "", shape: "FILE", maxLength: 1024 } as const;

/** Every setting of the gateway, described once: file, environment and flags are checked against it, and `--help` is rendered from it. */
export const gatewaySettings = {
  dataDir: {
    kind: "text",
    default: "./gateway-data",
    shape: "FOLDER",
    maxLength: 1024,
    rule: { pattern: /\S/, words: "the path of a folder" },
    help: "Where last values, rules, phones, the household's CA and images of packs are kept. Made when it is missing.",
  },
  siteLink: {
    ...file,
    help: "File that `coxswain site link` wrote at the manager: household, time zone, server broker. Without it the gateway works for its home alone.",
  },
  site: {
    kind: "text",
    default: "",
    shape: "SITE",
    maxLength: 63,
    rule: {
      pattern: /^$|^[a-z0-9][a-z0-9._-]{0,62}$/,
      words: "1 to 63 of a-z 0-9 . _ - starting with a letter or digit",
    },
    help: "The household, as its topics name it. Empty: the link's, else `home`.",
  },
  title: {
    kind: "text",
    default: "",
    shape: "TEXT",
    maxLength: 48,
    help: "What people call it. Empty: the link's, else the site.",
  },
  timeZone: {
    kind: "text",
    default: "",
    shape: "ZONE",
    maxLength: 64,
    help: "Time zone of the home, like Europe/Berlin: by it the packs' day begins at 05:00. Empty: the link's, else this machine's.",
  },
  can: {
    kind: "text",
    default: "can0",
    shape: "BUS",
    maxLength: 256,
    rule: { pattern: /\S/, words: "a CAN bus" },
    help: "The packs' bus: can0 (SocketCAN), /dev/ttyACM0 (serial-line adapter, slcan), tcp://127.0.0.1:29536 or unix:/run/can.sock (`coxswain can-bus`).",
  },
  canSerialSpeed: {
    kind: "integer",
    default: 0,
    min: 0,
    max: 4_000_000,
    help: "Bits a second of the adapter's serial line, for adapters behind a UART. 0: as it is, right for USB.",
  },
  host: {
    kind: "text",
    default: "127.0.0.1",
    shape: "ADDRESS",
    maxLength: 253,
    rule: { pattern: /^[A-Za-z0-9:][A-Za-z0-9.:%_-]*$/, words: "an IP address or a host name" },
    help: "Address that app and broker listen on. Phones and sockets reach it only when this is an address of the LAN, or 0.0.0.0 for all.",
  },
  http: {
    port: {
      kind: "integer",
      default: 8080,
      ...portRange,
      help: "TCP port of the app and of MQTT over WebSocket; 0 takes a free one.",
    },
  },
  https: {
    port: {
      kind: "integer",
      default: 8443,
      ...portRange,
      help: "The same over TLS, with a certificate of the household's CA; 0 takes a free one.",
    },
  },
  mqtt: {
    port: {
      kind: "integer",
      default: 1883,
      ...portRange,
      help: "TCP port of the local broker, for smart sockets; 0 takes a free one.",
    },
  },
  mqtts: { port: { kind: "integer", default: 8883, ...portRange, help: "The same over TLS; 0 takes a free one." } },
  sockets: {
    ...file,
    help: "JSON file with the smart sockets and their passwords; see docs/gateway.md. Only its owner may read it.",
  },
  manager: {
    address: {
      kind: "text",
      default: "",
      shape: "URI",
      maxLength: 256,
      help: "The manager, coap://HOST or coaps://HOST: it then sees the gateway and its packs, and updates them. Empty: none.",
    },
    credentials: {
      ...file,
      help: "File that `coxswain node add ID --out FILE` wrote. Empty: a manager under --insecure, with manager.id.",
    },
    id: {
      kind: "text",
      default: "",
      shape: "ID",
      maxLength: 50,
      rule: { pattern: /^$|^[a-z0-9][a-z0-9._-]{0,49}$/, words: "a node id of at most 50 characters" },
      help: "The gateway's node id at the manager. Empty: that of the credentials.",
    },
    model: {
      kind: "text",
      default: "coxswain-gateway",
      shape: "MODEL",
      maxLength: 48,
      help: "The gateway's model there.",
    },
    packModel: {
      kind: "text",
      default: "energy-pack",
      shape: "MODEL",
      maxLength: 48,
      help: "Model of the packs: updates for other models aren't offered to them.",
    },
  },
  limits: {
    imageBytes: {
      kind: "integer",
      default: 67_108_864,
      min: 1_048_576,
      max: 4_294_967_295,
      unit: "bytes",
      help: "Disk space for images of packs; the oldest go for new ones.",
    },
  },
  log: {
    level: {
      kind: "choice",
      default: "info",
      choices: ["debug", "info", "warn", "error", "silent"],
      help: "Least severe log line on standard error.",
    },
    format: {
      kind: "choice",
      default: "auto",
      choices: ["auto", "json", "pretty"],
      help: "Log lines as JSON or for people; auto is for people on a terminal.",
    },
  },
} as const satisfies SettingsDescription;

export type GatewaySettings = SettingsOf<typeof gatewaySettings>;
