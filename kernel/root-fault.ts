import { Fault } from "./fault.ts";

/** What a fault began with: the lifecycle says which part failed, the fault inside says what to do about it. */
export function rootFault(fault: Fault): Fault {
  return fault.cause instanceof Fault ? rootFault(fault.cause) : fault;
}
