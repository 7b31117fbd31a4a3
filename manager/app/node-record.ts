import type { NodeManifest } from "../../schemas/generated/types.ts";
import type { NodePath } from "../ports/node-caller.ts";
import type { RdPart, RegisterInput } from "./api/registry.ts";

/** A registration as it is stored, in the table `node` under the node's id. */
export interface NodeRecord {
  readonly manifest: NodeManifest;
  readonly identity: RegisterInput["identity"];
  readonly face: RegisterInput["face"];
  readonly path: NodePath;
  readonly contentFormat: 50 | 60;
  readonly registeredAtMs: number;
  readonly renewedAtMs: number;
  readonly lifetimeSeconds: number;
  readonly pollSeconds: number;
  readonly livesByObservation: boolean;
  readonly gateway?: string;
  readonly rd?: RdPart;
}

export const nodeTable = "node";
