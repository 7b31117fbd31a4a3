import type { SiteAck } from "../../schemas/generated/types.ts";
import type { HardwareNumber, SiteCommandName } from "../../schemas/wire/site-topics.ts";

/** Commands to one pack on the bus, each answered by its ACK or NACK, or by silence. */
export interface PackCommands {
  /** Never rejects: what goes wrong is an outcome. */
  send(
    pack: HardwareNumber,
    name: SiteCommandName,
    payload: Readonly<Record<string, unknown>>,
  ): Promise<Pick<SiteAck, "outcome" | "result" | "reason">>;
}
