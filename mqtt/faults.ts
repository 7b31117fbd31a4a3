import { defineFaults } from "../kernel/fault.ts";

export const mqttFaults = defineFaults({
  "mqtt.not-running": {
    fault: "caller",
    message: "The MQTT broker isn't running, so {operation} can't be done. Start it first.",
  },
  "mqtt.bad-topic": {
    fault: "caller",
    message:
      'Can\'t publish on "{topic}": a topic has 1 to {maxLevels} levels and neither wildcards, a leading "$" nor control characters.',
  },
  "mqtt.bad-pattern": {
    fault: "caller",
    message: 'The rights of "{clientId}" name "{pattern}", which is no topic filter (MQTT 3.1.1, section 4.7).',
  },
  "mqtt.bad-client-id": {
    fault: "caller",
    message: 'Credentials can\'t be set for the client id "{clientId}": it needs 1 to 128 characters without controls.',
  },
  "mqtt.user-taken": {
    fault: "caller",
    message: 'The user name "{user}" belongs to the client "{owner}" and can\'t be given to "{clientId}" too.',
  },
  "mqtt.port-in-use": {
    fault: "environment",
    message: "TCP port {port} on {host} is taken by another program. Stop it, or choose {portSetting}.",
  },
  "mqtt.bad-certificate": {
    fault: "environment",
    message: "The certificate, key, CA or revocation list of MQTT over TLS can't be used ({reason}).",
  },
  "mqtt.listen-failed": {
    fault: "environment",
    message:
      "Can't listen for MQTT on {host} port {port} ({reason}). Name an address of this machine, or 0.0.0.0 for all.",
  },
  "mqtt.bridge-in-the-open": {
    fault: "caller",
    message:
      "The server broker at {url} would be told the password in the open. Give it as mqtts:// or wss://; without TLS it may be on this machine alone.",
  },
  "mqtt.publish-failed": {
    fault: "us",
    message: 'The broker could not take the message on "{topic}": {reason}',
  },
});
