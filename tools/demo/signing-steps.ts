import { join } from "node:path";
import { operator } from "./operators.ts";
import { coxswain } from "./programs.ts";
import type { Stage } from "./stage.ts";

const publicHalf = "releases.pub.pem";

/** A key that signs updates; the manager gets its public half, and hands it to nodes with their credentials. */
export async function trustReleaseKey(stage: Stage): Promise<void> {
  const { story, manager, folder } = stage.options;
  story.chapter("A release key is made; the manager and its nodes get to know its public half");
  const { keyId } = (await coxswain(manager, "update", "keygen", signingKey(stage))) as { keyId: string };
  story.tell("developer", `coxswain update keygen: ${keyId}; the private half stays with him`);
  await coxswain(manager, "update", "anchors", "add", join(folder, publicHalf), "--name", "releases");
  story.tell("admin", `coxswain update anchors add: manifests that ${keyId} signed are trusted`);
}

/** Uploads an image in the forms that a node may take, and a manifest of them that is signed here. */
export async function createUpdate(stage: Stage, model: string, image: string): Promise<string> {
  const flags = ["--model", model, "--version", "1.1.0", "--sequence", "2", "--key", signingKey(stage)];
  const created = (await stage.coxswain("fleet", "update", "create", image, ...flags)) as {
    update: { id: string; size: number };
    state: string;
    signed?: { payloads: readonly { kind: string; size: number }[] };
  };
  const [smallest] = created.signed?.payloads ?? [];
  if (created.state !== "ready" || smallest === undefined) throw new Error(`${model}'s update is ${created.state}`);
  const share = Math.round((100 * smallest.size) / created.update.size);
  const words = `coxswain update create ${model} 1.1.0 -> ${created.update.id}, signed; ${smallest.kind} to ${share} %`;
  stage.options.story.tell(operator, words);
  return created.update.id;
}

function signingKey(stage: Stage): string {
  return join(stage.options.folder, "releases.pem");
}
