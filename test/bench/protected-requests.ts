import { endpoints, outstanding } from "./heartbeats.ts";
import { type LoadResult, runTool } from "./load-tools.ts";
import type { Measurement } from "./report.ts";
import type { ServerProcess } from "./server-process.ts";

export interface RequestLoad {
  /** The name that the measurements go by. */
  readonly subject: string;
  readonly server: ServerProcess;
  readonly port: number;
  /** A `coap-load`, with what it is told in its environment. */
  readonly program: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly seconds: number;
}

/** POST /status with 44 bytes of payload from 1 200 endpoints in a closed loop, to a server whose handler does nothing. */
export async function protectedRequests(load: RequestLoad): Promise<{ all: Measurement[]; result: LoadResult }> {
  const { subject, server, port, program, seconds, env = {} } = load;
  const words = [port, server.pid, seconds, endpoints, outstanding, 0, 2, "b9".repeat(44), 60, "-", "status"];
  const result = await runTool<LoadResult>(program, words, { env });
  if (result.answered === 0 || result.errors > 0) {
    throw new Error(
      `${subject}: ${result.answered} answered, ${result.errors} with an error, the last ${result.lastError}`,
    );
  }
  const of = (metric: string, value: number, unit: string): Measurement => ({
    ...{ subject, metric, unit },
    value: Number(value.toFixed(2)),
  });
  const all = [
    of("cpu_per_request", result.cpuUs / result.answeredInTime, "us"),
    of("requests", result.answeredInTime / result.seconds, "1/s"),
    of("lost", result.lost, "requests"),
    of("most_an_endpoint_sends", result.mostAnEndpointSends, "1/s"),
  ];
  return { all, result };
}
