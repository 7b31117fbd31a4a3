import type { CoapResponse, ObservationEnd, ObserveOptions } from "../client-types.ts";

/**
 * What many observations have in common: the request, and who is told. `context` is the caller's own number for the one
 * observation (a node's row), so that each costs a flat row and no closures.
 */
export interface ObservationKind extends Omit<ObserveOptions, "to" | "signal" | "token"> {
  notification(context: number, response: CoapResponse): void;
  ended(context: number, reason: ObservationEnd, response?: CoapResponse): void;
}
