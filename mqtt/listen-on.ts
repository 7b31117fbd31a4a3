import type { Server } from "node:net";
import type { Log } from "../kernel/log.ts";
import { mqttFaults } from "./faults.ts";

/** Resolves when the server listens; rejects with a Fault when the port can't be had. */
export async function listenOn(
  server: Server,
  {
    host,
    port,
    log,
    portSetting = "another MQTT port",
  }: { readonly host: string; readonly port: number; readonly log: Log; readonly portSetting?: string | undefined },
): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE") reject(mqttFaults("mqtt.port-in-use", { host, port, portSetting }, error));
      else reject(mqttFaults("mqtt.listen-failed", { host, port, reason: error.message }, error));
    });
    server.listen({ host, port }, resolve);
  });
  // For example out of file descriptors: this connection is lost, the next may do.
  server.on("error", (error) => log.warn("mqtt-accept-failed", { error }));
}
