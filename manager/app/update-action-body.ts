import type { Update } from "../../schemas/generated/types.ts";
import { artifactUri } from "../../schemas/wire/artifact-uri.ts";
import type { NodeId } from "../../schemas/wire/node-id.ts";
import { managerPath, queryNames } from "../../schemas/wire/paths.ts";
import type { ActionBody } from "../domain/action-queue.ts";
import type { CredentialScheme } from "../domain/node-credential.ts";

/** Where artifacts are served: `http://HOST:PORT`. */
export interface ArtifactBase {
  readonly text: string;
  readonly scheme: "http" | "https" | "coap" | "coaps";
  readonly host: string;
  readonly port: number;
}

const pattern = /^(https?|coaps?):\/\/(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+)):([0-9]{1,5})$/;

/** Throws TypeError for anything but `scheme://host:port`. */
export function parseArtifactBase(text: string): ArtifactBase {
  const match = pattern.exec(text);
  if (!match) throw new TypeError(`not scheme://host:port: ${JSON.stringify(text)}`);
  const [, scheme, address, name, port] = match;
  return { text, scheme: scheme as ArtifactBase["scheme"], host: address ?? name ?? "", port: Number(port) };
}

/**
 * CoAP is for those who speak it as the node does: one with a session of DTLS has no key for the open port, and none of the others has one for DTLS. Who
 * speaks TLS is told HTTPS where there is that, and not HTTP beside it, to which somebody in between could make it fall back.
 */
export function usableBases(
  bases: readonly ArtifactBase[],
  credential: CredentialScheme | undefined,
  speaksTls: boolean,
): readonly ArtifactBase[] {
  const isDtls = credential === "psk" || credential === "x509";
  const isHttps = speaksTls && bases.some(({ scheme }) => scheme === "https");
  const unusable = [isDtls ? "coap" : "coaps", isHttps ? "http" : "https"];
  return bases.filter(({ scheme }) => !unusable.includes(scheme));
}

/** The action that offers an update to a node. Its URIs name node and attempt, so that the manager sees who fetched what. */
export function updateActionBody(
  { id, digest, size, version }: Update,
  about: {
    readonly node: NodeId;
    readonly attempt: string;
    readonly bases: readonly ArtifactBase[];
    readonly isSigned: boolean;
  },
): Extract<ActionBody, { kind: "update" }> {
  const { node, attempt, bases, isSigned } = about;
  const uris = bases.map(({ scheme, host, port }) => artifactUri({ scheme, host, port, digest, node, attempt }));
  const coap = bases.find(({ scheme }) => scheme === "coap" || scheme === "coaps");
  const manifestPath = managerPath("updateManifest", { update: id }).join("/");
  return {
    kind: "update",
    update: id,
    attempt,
    uris,
    ...(isSigned && coap && { manifest: `${coap.text}/${manifestPath}?${queryNames.endpoint}=${node}` }),
    size,
    digest,
    version,
  };
}
