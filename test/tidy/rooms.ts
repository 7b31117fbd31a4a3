/**
 * The table of rooms: what each folder of the house may import besides itself. A path belongs to the longest room that starts it.
 * Files named `*.test.ts` may import what they test and the kernel's virtual parts, so they are not held to it.
 */
export interface Room {
  /** Rooms whose files may be imported, type imports too. */
  readonly mayImport: readonly string[];
  /** Packages and `node:` modules that may appear here. */
  readonly packages: readonly string[];
}

const pure: readonly string[] = [];

export const rooms: Readonly<Record<string, Room>> = {
  kernel: { mayImport: [], packages: pure },
  "kernel/system": { mayImport: ["kernel"], packages: ["node:", "pino"] },
  // Certificates as bytes, for whoever has a CA: the manager its own, a household's gateway another.
  "kernel/x509": { mayImport: ["kernel"], packages: ["node:crypto", "node:net"] },
  schemas: {
    mayImport: ["kernel", "schemas/generated", "schemas/wire"],
    packages: ["node:", "ajv", "ajv-formats", "json-schema-to-typescript", "rolldown", "vite"],
  },
  "schemas/wire": { mayImport: ["schemas/generated", "kernel"], packages: pure },
  // Update manifests' cryptography over Node's: for the manager that checks uploads, and the gateway that checks what it carries.
  "schemas/crypto": { mayImport: ["schemas/wire"], packages: ["node:crypto"] },
  "schemas/generated": { mayImport: ["schemas/wire"], packages: pure },
  coap: { mayImport: ["kernel", "coap/transport", "coap/security", "coap/security/oscore"], packages: pure },
  // Echo values and ETags are digests.
  "coap/security": { mayImport: ["coap", "coap/native", "coap/transport", "kernel"], packages: ["node:crypto"] },
  // Key derivation, and the AEAD where the addon isn't built.
  "coap/security/oscore": { mayImport: ["coap", "coap/native", "coap/transport", "kernel"], packages: ["node:crypto"] },
  "coap/transport": {
    mayImport: ["coap", "coap/native", "kernel"],
    packages: ["node:dgram", "node:net", "node:os", "node:dns"],
  },
  // The published package's face: the one place where the machine's own clock and randomness meet the engine.
  "coap/package": {
    mayImport: ["coap", "coap/security", "coap/security/oscore", "coap/transport", "kernel", "kernel/system"],
    packages: ["node:fs", "node:path"],
  },
  "coap/native": { mayImport: [], packages: ["node:module", "node:url"] },
  mqtt: {
    mayImport: ["kernel"],
    packages: [
      "aedes",
      "aedes-persistence",
      "mqtt",
      "node:stream",
      "node:http",
      "node:net",
      "node:tls",
      "node:crypto",
      "node:events",
      "ws",
    ],
  },
  // How the audit is chained and checked: the storage that appends, the use case that verifies and the command line that checks an export.
  "manager/audit": { mayImport: [], packages: ["node:crypto"] },
  // Keys of update manifests: the manager that verifies them at upload and the command line that makes them.
  "manager/signing": {
    mayImport: ["schemas/crypto", "schemas/wire"],
    packages: ["node:crypto", "node:child_process"],
  },
  // Payload variants of an image: made by the command line, in a thread of its own.
  "manager/variants": {
    mayImport: ["schemas/wire"],
    packages: ["node:crypto", "node:zlib", "node:worker_threads"],
  },
  "manager/domain": { mayImport: ["kernel", "schemas/generated", "schemas/wire"], packages: pure },
  "manager/ports": { mayImport: ["kernel", "manager/domain", "schemas/generated", "schemas/wire"], packages: pure },
  "manager/app": {
    mayImport: ["kernel", "manager/audit", "manager/domain", "manager/ports", "schemas/generated", "schemas/wire"],
    packages: pure,
  },
  "manager/adapters/coap": {
    // Security too: the contexts and sessions of nodes are made here.
    mayImport: [
      "coap",
      "coap/security",
      "coap/security/oscore",
      "coap/transport",
      "kernel",
      "manager/app",
      "manager/domain",
      "manager/ports",
      "schemas/generated",
      "schemas/wire",
    ],
    packages: ["node:net"],
  },
  // The files of the household's app are listed by the kernel for both who serve it.
  "manager/adapters/http": {
    mayImport: [
      "kernel",
      "kernel/system",
      "manager/app",
      "manager/domain",
      "manager/ports",
      // MQTT over WebSocket comes in by the same doors.
      "mqtt",
      "schemas/generated",
      "schemas/wire",
    ],
    packages: ["fastify", "ws", "node:"],
  },
  "manager/adapters/mqtt": {
    mayImport: [
      "mqtt",
      "kernel",
      "manager/app",
      "manager/domain",
      "manager/ports",
      "schemas/generated",
      "schemas/wire",
    ],
    packages: ["node:crypto"],
  },
  "manager/adapters/storage": {
    mayImport: [
      "kernel",
      "kernel/system",
      "manager/app",
      "manager/audit",
      "manager/domain",
      "manager/ports",
      "schemas/generated",
      "schemas/wire",
    ],
    packages: ["node:"],
  },
  // What TLS listeners show, and the CA for nodes: certificates are made and signed here.
  "manager/adapters/certificates": {
    mayImport: ["kernel", "kernel/x509", "manager/domain", "manager/ports"],
    packages: ["node:crypto", "node:fs", "node:net", "node:tls"],
  },
  "manager/adapters/discovery": {
    mayImport: ["kernel", "manager/app", "manager/ports"],
    packages: ["bonjour-service", "node:os", "node:net"],
  },
  "manager/cli": {
    // The command line reads answers of the HTTP API, whose shapes are those of the use cases; its help says which role each command needs.
    mayImport: [
      "kernel",
      // It starts the gateway as it starts the manager.
      "gateway",
      "manager",
      "manager/app",
      "manager/audit",
      "manager/domain",
      "manager/ports",
      "manager/signing",
      "manager/variants",
      "schemas/crypto",
      "schemas/generated",
      "schemas/wire",
    ],
    packages: ["commander", "uqr", "node:"],
  },
  "manager/console": { mayImport: [], packages: pure },
  // The composition root and its settings: the one place that may see everything of the manager.
  manager: {
    mayImport: [
      "coap",
      "coap/native",
      "coap/security",
      "coap/security/oscore",
      "coap/transport",
      "kernel",
      "kernel/system",
      "mqtt",
      "schemas/generated",
      "schemas/wire",
      "manager/domain",
      "manager/app",
      "manager/ports",
      "manager/signing",
      "manager/adapters/certificates",
      "manager/adapters/coap",
      "manager/adapters/http",
      "manager/adapters/mqtt",
      "manager/adapters/storage",
      "manager/adapters/discovery",
      // The page of who may do what names the commands too.
      "manager/cli",
    ],
    packages: ["node:"],
  },
  // The node's half of the protocol, for gateways and simulators.
  agent: {
    // Its association is made of the credentials that a node has.
    mayImport: [
      "coap",
      "coap/security",
      "coap/security/oscore",
      "coap/transport",
      "kernel",
      "schemas/generated",
      "schemas/wire",
    ],
    packages: pure,
  },
  "gateway/domain": { mayImport: ["kernel", "schemas/generated", "schemas/wire"], packages: pure },
  "gateway/ports": { mayImport: ["kernel", "gateway/domain", "schemas/generated", "schemas/wire"], packages: pure },
  "gateway/app": {
    mayImport: ["kernel", "gateway/domain", "gateway/ports", "schemas/generated", "schemas/wire"],
    packages: pure,
  },
  "gateway/adapters/can": {
    mayImport: ["kernel", "gateway/domain", "gateway/ports", "schemas/wire", "schemas/generated"],
    packages: ["node:", "socketcan"],
  },
  // The local broker, its doors and the bridge.
  "gateway/adapters/mqtt": {
    mayImport: [
      "kernel",
      "mqtt",
      "gateway/app",
      "gateway/domain",
      "gateway/ports",
      "schemas/generated",
      "schemas/wire",
    ],
    packages: ["node:crypto", "node:tls", "node:net", "node:stream"],
  },
  // The gateway and its packs as nodes of the manager.
  "gateway/adapters/coap": {
    mayImport: [
      "agent",
      "coap",
      "coap/security",
      "coap/security/oscore",
      "coap/transport",
      "kernel",
      "gateway/app",
      "gateway/domain",
      "gateway/ports",
      "schemas/generated",
      "schemas/wire",
    ],
    packages: ["node:crypto", "node:net"],
  },
  "gateway/adapters/http": {
    mayImport: [
      "kernel",
      "kernel/system",
      "mqtt",
      "gateway/app",
      "gateway/domain",
      "gateway/ports",
      "schemas/generated",
      "schemas/wire",
    ],
    packages: ["node:", "ws"],
  },
  "gateway/adapters/storage": {
    // The household's CA makes certificates.
    mayImport: [
      "kernel",
      "kernel/x509",
      "gateway/app",
      "gateway/domain",
      "gateway/ports",
      "schemas/generated",
      "schemas/wire",
    ],
    packages: ["node:"],
  },
  // The household's app runs in a browser: of the house it sees the contracts alone.
  "gateway/app-web": {
    mayImport: ["schemas/generated", "schemas/wire"],
    packages: ["mqtt", "preact"],
  },
  // The composition root and its settings: the one place that may see everything of the gateway.
  gateway: {
    mayImport: [
      "agent",
      "coap",
      "coap/native",
      // Sequence numbers in a file that outlives the process.
      "coap/package",
      "coap/security",
      "coap/security/oscore",
      "coap/transport",
      "kernel",
      "kernel/system",
      "mqtt",
      "schemas/crypto",
      "schemas/generated",
      "schemas/wire",
      "gateway/domain",
      "gateway/app",
      "gateway/ports",
      "gateway/adapters/can",
      "gateway/adapters/coap",
      "gateway/adapters/http",
      "gateway/adapters/mqtt",
      "gateway/adapters/storage",
    ],
    packages: ["node:"],
  },
};
