import type { HardwareNumber } from "../../schemas/wire/site-topics.ts";
import type { PackFacts } from "../domain/pack-facts.ts";

/** The packs that the gateway knows. */
export interface SitePacks {
  list(): readonly HardwareNumber[];
  find(pack: HardwareNumber): PackFacts | undefined;
  master(): HardwareNumber | undefined;
  /**
   * Told after the turn in which something of a pack changed. `presence`: it is new, fell silent or came back. `firmware`: what it runs, or
   * how far an update is. `state`: its modes, relays or the health of its BMS. Returns how to stop.
   */
  onChange(listener: (pack: HardwareNumber, what: "presence" | "firmware" | "state") => void): () => void;
}
