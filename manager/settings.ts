import type { SettingsDescription, SettingsOf } from "../kernel/settings-entry.ts";

const host = {
  pattern: /^$|^[A-Za-z0-9:][A-Za-z0-9.:%_-]*$/,
  words: "an IP address or a host name",
};
const portRange = { min: 0, max: 65_535, unit: "port" } as const;

/**
 * Every setting of the manager, described once: the file, the environment and the flags are checked against it, and `--help` and
 * `docs/reference/settings.md` are rendered from it. Without an address here CoAP, HTTP and MQTT stay on loopback.
 */
export const settingsDescription = {
  dataDir: {
    kind: "text",
    default: "./data",
    shape: "FOLDER",
    maxLength: 1024,
    rule: { pattern: /\S/, words: "the path of a folder" },
    help: "Where the database, the artifacts and the manager's identity are kept. Made when it is missing.",
  },
  keyFile: {
    kind: "text",
    default: "",
    shape: "FILE",
    maxLength: 1024,
    help: "File with the key that the secrets in the database are encrypted with. Made when it is missing; only its owner may read it. Empty: `key` in the data folder.",
  },
  insecure: {
    kind: "flag",
    default: false,
    help: "Serve nodes and operators that prove no identity. For trying things out: without it a node needs credentials and an operator a token.",
  },
  unsignedUpdates: {
    kind: "flag",
    default: false,
    help: "Take and offer updates that nobody signed too. Nodes that demand no signature then run what the manager gives them; what they check is the digest that they got from it. Part of insecure. For trying things out.",
  },
  fourEyes: {
    kind: "flag",
    default: false,
    help: "Every rollout needs the approval of a second operator, who neither made nor started it, whatever its plan says.",
  },
  vendor: {
    kind: "text",
    default: "coxswain.example",
    shape: "DOMAIN",
    maxLength: 253,
    rule: {
      pattern: /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+$/,
      words: "a domain in small letters, like example.org",
    },
    help: "The domain that vendor and class ids of update manifests are made of. The nodes' firmware must have been built, or given its credentials, with the same.",
  },
  publicHost: {
    kind: "text",
    default: "",
    shape: "HOST",
    maxLength: 253,
    rule: host,
    help: "Address under which nodes reach this manager; it goes into their environment and download links. Empty: the listening address.",
  },
  rootTopic: {
    kind: "text",
    default: "cx",
    shape: "TOPIC",
    maxLength: 64,
    rule: {
      pattern: /^[A-Za-z0-9._-]+(\/[A-Za-z0-9._-]+)*$/,
      words: "topic levels of A-Z a-z 0-9 . _ - with / between them",
    },
    help: "First levels of every MQTT topic.",
  },
  poll: {
    kind: "integer",
    default: 60,
    min: 1,
    max: 86_400,
    unit: "seconds",
    help: "Time between two heartbeats of a node. Below 10 only when CoAP listens on loopback, or with insecure.",
  },
  report: {
    kind: "integer",
    default: 30,
    min: 1,
    max: 86_400,
    unit: "seconds",
    help: "Time between two full status reports of a node by MQTT or CoAP observation. Below 10 only when CoAP listens on loopback, or with insecure.",
  },
  lifetime: {
    kind: "integer",
    default: 90_000,
    min: 60,
    max: 31_536_000,
    unit: "seconds",
    help: "How long a registration lasts when the node asks for nothing else; each datagram of the node renews it.",
  },
  discovery: {
    kind: "flag",
    default: true,
    help: "Answer multicast discovery (224.0.1.187, ff02::fd) on the CoAP port.",
  },
  interface: {
    kind: "text",
    default: "",
    shape: "NAME",
    maxLength: 64,
    rule: { pattern: /^[A-Za-z0-9._:-]*$/, words: "the name of a network interface, like eth0" },
    help: "Network interface of multicast discovery and the mDNS announcement. Empty: the one that has the CoAP address.",
  },
  mdns: { kind: "flag", default: true, help: "Announce the manager by mDNS (_coap._udp)." },
  dtls: {
    kind: "flag",
    default: true,
    help: "Speak CoAP over DTLS (coaps) with nodes too. It needs the native addon; without it the manager says so and goes on with CoAP.",
  },
  coap: {
    host: {
      kind: "text",
      default: "127.0.0.1",
      shape: "ADDRESS",
      maxLength: 253,
      rule: host,
      help: "Address that CoAP listens on, in the clear and over DTLS. It serves nodes that have credentials (OSCORE, or DTLS on its own port); in the open it answers discovery and nothing else, unless insecure is set.",
    },
    port: { kind: "integer", default: 5683, ...portRange, help: "UDP port of the CoAP endpoint; 0 takes a free one." },
  },
  coaps: {
    port: {
      kind: "integer",
      default: 0,
      ...portRange,
      help: "UDP port of CoAP over DTLS, at the address of CoAP. 0 takes the one behind CoAP's (5684), where nodes look for it that found the manager by multicast.",
    },
    certificate: {
      kind: "text",
      default: "",
      shape: "FILE",
      maxLength: 1024,
      help: "PEM file with the manager's certificate for DTLS and its chain, ECDSA on P-256, for the address or name that nodes use. Together with its key and the CA. Read again when it changes, or on SIGHUP. Empty: the manager has a CA of its own in the data folder, which makes one and renews it.",
    },
    key: {
      kind: "text",
      default: "",
      shape: "FILE",
      maxLength: 1024,
      help: "PEM file with the private key of that certificate.",
    },
    ca: {
      kind: "text",
      default: "",
      shape: "FILE",
      maxLength: 1024,
      help: "PEM file with the CAs whose certificates nodes may show: for SAN URI `urn:coxswain:node:ID`, and only nodes that were added with --x509. Read at the start alone.",
    },
    crl: {
      kind: "text",
      default: "",
      shape: "FILE",
      maxLength: 1024,
      help: "PEM file with the revocation lists of those CAs, one of each. Read again when it changes, or on SIGHUP: whom it names is gone at once.",
    },
  },
  tls: {
    mode: {
      kind: "choice",
      default: "auto",
      choices: ["auto", "on", "off"],
      help: "Speak TLS for HTTP, MQTT and WebSocket too. `auto`: where the open port can be reached from other machines, unless insecure is set.",
    },
    certificate: {
      kind: "text",
      default: "",
      shape: "FILE",
      maxLength: 1024,
      help: "PEM file with the manager's certificate for TLS and its chain. Read again when it changes, or on SIGHUP. Empty: the manager's own CA makes one and renews it.",
    },
    key: {
      kind: "text",
      default: "",
      shape: "FILE",
      maxLength: 1024,
      help: "PEM file with the private key of that certificate.",
    },
  },
  https: {
    port: {
      kind: "integer",
      default: 8443,
      ...portRange,
      help: "TCP port of HTTPS and of MQTT over WebSocket (wss, path /mqtt), at the address of HTTP; 0 takes a free one.",
    },
  },
  mqtts: {
    port: {
      kind: "integer",
      default: 8883,
      ...portRange,
      help: "TCP port of MQTT over TLS, at the address of MQTT; 0 takes a free one.",
    },
  },
  http: {
    host: {
      kind: "text",
      default: "127.0.0.1",
      shape: "ADDRESS",
      maxLength: 253,
      rule: host,
      help: "Address of the HTTP server: API, artifacts and the console.",
    },
    port: { kind: "integer", default: 8683, ...portRange, help: "TCP port of the HTTP server; 0 takes a free one." },
  },
  mqtt: {
    host: {
      kind: "text",
      default: "127.0.0.1",
      shape: "ADDRESS",
      maxLength: 253,
      rule: host,
      help: "Address of the embedded MQTT broker.",
    },
    port: {
      kind: "integer",
      default: 1883,
      ...portRange,
      help: "TCP port of the embedded MQTT broker; 0 takes a free one.",
    },
    allowPlain: {
      kind: "flag",
      default: false,
      help: "Tell nodes that speak no TLS the open port of the broker, although there is one with TLS: their passwords and telemetry can be read on the way. Without it they get no broker.",
    },
    observerPassword: {
      kind: "text",
      default: "",
      shape: "PASSWORD",
      maxLength: 128,
      // The broker counts no failures: nodes' passwords are random, and this one has to be as far from a guess.
      rule: { pattern: /^$|^.{16,}$/, words: "16 characters or more, or empty" },
      isSecret: true,
      help: "Password of the MQTT user and client `_observer`, who may read every topic and publish nothing. Empty: there is no such user.",
    },
  },
  limits: {
    nodes: {
      kind: "integer",
      default: 100_000,
      min: 1,
      max: 4_000_000,
      help: "Nodes the registry has room for. Full: a new registration is answered 5.03, known nodes go on.",
    },
    artifactBytes: {
      kind: "integer",
      default: 268_435_456,
      min: 1024,
      max: 17_179_869_184,
      unit: "bytes",
      help: "Largest artifact that can be uploaded. Over it the upload is refused.",
    },
    storedBytes: {
      kind: "integer",
      default: 8_589_934_592,
      min: 1_048_576,
      max: 1_099_511_627_776,
      unit: "bytes",
      help: "Room for all artifacts together. Full: an upload is refused until one is deleted.",
    },
    eventClients: {
      kind: "integer",
      default: 64,
      min: 1,
      max: 10_000,
      help: "Consoles and programs that may follow the live events at the same time. Full: the next one is told to come back.",
    },
    eventClientsEach: {
      kind: "integer",
      default: 16,
      min: 1,
      max: 10_000,
      help: "Of them those of one operator, so that nobody takes the places of all others. Full: the next one is told to come back.",
    },
  },
  log: {
    level: {
      kind: "choice",
      default: "info",
      choices: ["debug", "info", "warn", "error", "silent"],
      help: "Least severity that is logged to stderr.",
    },
    format: {
      kind: "choice",
      default: "auto",
      choices: ["auto", "pretty", "json"],
      help: "Form of a log line; auto is pretty on a terminal, else JSON lines.",
    },
  },
} as const satisfies SettingsDescription;

/** The manager's settings, checked. */
export type Settings = SettingsOf<typeof settingsDescription>;
