import { defineFaults } from "../kernel/fault.ts";

/** What requests of ours can fail with, and what set-up refuses. Codes are API. */
export const faults = defineFaults({
  "coap.timeout": {
    fault: "peer",
    message: "No answer from {address} port {port} after {seconds} s. Check that it is up and reachable by UDP.",
  },
  "coap.reset": {
    fault: "peer",
    message:
      "{address} port {port} rejected the message with a Reset: it lost its state or does not speak this part of CoAP.",
  },
  "coap.association-ended": {
    fault: "peer",
    message: "{address} port {port} ended its DTLS session before it answered: ask again, by another one.",
  },
  "coap.stopped": { fault: "us", message: "The CoAP endpoint was stopped while this request was open." },
  "coap.queue-full": {
    fault: "us",
    message: "The limit {limit} ({value}) is reached: ask fewer things at once, or raise the limit.",
  },
  "coap.response-too-large": {
    fault: "peer",
    message: "The answer of {address} port {port} is larger than {limit} bytes. Raise maxResponseBody to take it.",
  },
  "coap.representation-changed": {
    fault: "peer",
    message: "The resource at {address} port {port} changed while its blocks were fetched. Ask again.",
  },
  "coap.bad-response": {
    fault: "peer",
    message: "{address} port {port} broke the rules of block-wise transfer: {what}.",
  },
  "coap.bad-request": { fault: "caller", message: "The request can't be sent: {what}." },
  "coap.bad-address": { fault: "caller", message: "{address} is no IP address. Resolve names before asking." },
  "coap.bad-route": { fault: "caller", message: "The route {method} {path} can't be added: {what}." },
  "coap.back-off": {
    fault: "peer",
    message: "{address} said 4.29 (too many requests) to such a request: ask again in {seconds} s.",
  },
  "coap.congestion": {
    fault: "caller",
    message:
      'The limit "{limit}" needs a path whose congestion is controlled otherwise: say so with congestion: "controlled-elsewhere".',
  },
  "coap.not-started": { fault: "caller", message: "The CoAP endpoint is not started." },
  "coap.port-in-use": {
    fault: "environment",
    message: "UDP port {port} at {address} is in use. Stop the other program or choose another port.",
  },
  "coap.bind-failed": { fault: "environment", message: "UDP {address} port {port} can't be bound: {reason}." },
  "coap.dtls-unavailable": {
    fault: "environment",
    message:
      "DTLS needs the native addon, and there is none: {reason}. Install a C compiler, then run: node coap/native/build.mjs.",
  },
  "coap.dtls-credentials": { fault: "caller", message: "The credentials for DTLS can't be used: {reason}." },
  "coap.oscore-parameters": { fault: "caller", message: "The OSCORE context can't be made: {reason}." },
  "coap.oscore-no-context": {
    fault: "caller",
    message: "There is no OSCORE context for {peer}: it was never added, or it was removed meanwhile.",
  },
  "coap.oscore-no-numbers": {
    fault: "environment",
    message: "No sender sequence numbers could be leased for OSCORE, so nothing may be sent. See the log for why.",
  },
  "coap.oscore-refused": {
    fault: "peer",
    message: "{address} port {port} answered a protected request with an unprotected {code} {text}.",
  },
  "coap.leases-unreadable": {
    fault: "environment",
    message:
      "The sequence numbers in {path} can't be read: {reason}. Give every context that used it a new secret and remove it; an older copy would give numbers twice.",
  },
  "coap.leases-busy": {
    fault: "environment",
    message: "Another process is writing {path} just now, so no sequence numbers were leased. Try again.",
  },
  "coap.group-failed": {
    fault: "environment",
    message: "The group {group} can't be joined on {interface}: {reason}.",
  },
});
