import type { Clock } from "../../../kernel/clock.ts";
import type { Entropy } from "../../../kernel/entropy.ts";
import type { Log } from "../../../kernel/log.ts";
import type { ManagerApp } from "../../app/api/manager-app.ts";
import type { AskerRules } from "./asker.ts";
import type { CoapDoors } from "./coap-doors.ts";
import type { CoapNodeCaller } from "./node-caller.ts";

/** What the routes of this adapter stand on. */
export interface CoapContext {
  readonly app: ManagerApp;
  readonly doors: CoapDoors;
  readonly askers: AskerRules;
  readonly caller: CoapNodeCaller;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: Log;
  readonly isInsecure: boolean;
  /** `http://HOST:PORT`, for the short download links of early device code; known after the start. */
  httpBase(): string;
  /** PEM of the CA of the manager's certificates; undefined: it speaks no TLS, or its certificate is of a CA that it doesn't know. */
  tlsCa(): string | undefined;
  /** Ends or restarts the process; undefined where that isn't offered. */
  readonly shutdown?: (() => void) | undefined;
  readonly restart?: (() => void) | undefined;
}
