import { Code } from "../../../coap/message.ts";
import type { CoapReplyFields, CoapRequest, Route } from "../../../coap/route.ts";
import { writeCbor } from "../../../schemas/wire/cbor-writer.ts";
import type { EnrolOutcome } from "../../app/api/enrolments.ts";
import type { TrustAnchors } from "../../app/api/trust-anchors.ts";
import { kidToBytes } from "../../domain/node-credential.ts";
import type { CoapContext } from "./coap-context.ts";
import { refusal } from "./refusal.ts";

const cborFormat = 60;

/** POST /enrol: a device that proves a claim code or a batch's key gets its credentials, the fields of the credential file in CBOR. */
export function enrolRoutes(context: CoapContext): Route[] {
  return [
    {
      method: "POST",
      path: "/enrol",
      attributes: { rt: "coxswain.enrol", ct: [cborFormat] },
      replay: "once",
      produces: [cborFormat],
      later: (request) => enrol(context, request),
    },
  ];
}

async function enrol({ app, tlsCa }: CoapContext, request: CoapRequest): Promise<CoapReplyFields> {
  const { identity, address } = request.peer;
  if (identity.kind === "none") return refusal("no-identity");
  // Under --insecure too: nobody gets keys for what he says of himself.
  if (identity.kind !== "enrolment") return refusal("not-enrolling");
  const outcome = await app.enrolments.enrol(identity.id, address);
  switch (outcome.kind) {
    case "enrolled": {
      // For devices that speak TLS; a small one has no room for it.
      const ca = request.query("ca") === undefined ? undefined : tlsCa();
      return { code: Code.changed, payload: credentialsOf(outcome, app.anchors, ca), contentFormat: cborFormat };
    }
    case "ended":
      return refusal("enrolment-ended");
    case "taken":
      return refusal("enrolment-taken");
    case "batch-full":
      return refusal("batch-full");
    case "busy":
      return refusal("enrolment-busy");
    case "full":
      return refusal("full");
  }
}

/** `{id, oscore: {masterSecret, masterSalt, senderId, recipientId}, anchors, vendor, ca}`, with byte strings where the file has hexadecimal. */
function credentialsOf(
  { node, kid, secrets }: Extract<EnrolOutcome, { kind: "enrolled" }>,
  anchors: Pick<TrustAnchors, "keySet" | "vendor">,
  ca: string | undefined,
): Uint8Array {
  const keySet = anchors.keySet();
  const { masterSecret, masterSalt } = secrets;
  const oscore = new Map(
    Object.entries({ masterSecret, masterSalt, senderId: kidToBytes(kid), recipientId: new Uint8Array(0) }),
  );
  return writeCbor(
    new Map<string, string | Uint8Array | typeof oscore>([
      ["id", node],
      ["oscore", oscore],
      ...(keySet === undefined
        ? []
        : ([
            ["anchors", keySet],
            ["vendor", anchors.vendor],
          ] as const)),
      ...(ca === undefined ? [] : [["ca", ca] as const]),
    ]),
  );
}
