import { defineFaults } from "../../../kernel/fault.ts";

export const httpFaults = defineFaults({
  "http.port-in-use": {
    fault: "environment",
    message:
      "TCP port {port} at {host} is in use, so the HTTP server can't start. Stop the other program, or choose another port with --http-port.",
  },
  "https.port-in-use": {
    fault: "environment",
    message:
      "TCP port {port} at {host} is in use, so HTTPS can't start. Stop the other program, or choose another port with --https-port.",
  },
  "http.bind-failed": {
    fault: "environment",
    message: "The HTTP server can't listen on {host} port {port} ({reason}). Check --http-host and --http-port.",
  },
});
