import { defineFaults } from "../../../kernel/fault.ts";

export const doorFaults = defineFaults({
  "gateway.port-in-use": {
    fault: "environment",
    message: "TCP port {port} on {host} is taken. Choose another with {flag}, or stop what uses it.",
  },
  "gateway.bind-failed": {
    fault: "environment",
    message: "The gateway can't listen on {host}, TCP port {port} ({reason}). Choose another with {flag}.",
  },
});
