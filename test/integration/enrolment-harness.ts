import { hkdfSync } from "node:crypto";
import { expect } from "vitest";
import { readCbor } from "../../schemas/wire/cbor.ts";
import type { TestKeys, TestPeer } from "./manager-harness.ts";

/** The code of the answer, or the fault of a refusal in the clear. */
export const codeOf = (peer: TestPeer, path = "/enrol"): Promise<string> =>
  peer.ask("POST", path).then(
    ({ code }) => code,
    (error: { code: string }) => error.code,
  );
export const isStranger = /^4\.0[01]$|^coap\./;

/** Enrols, and gives what a device would store. */
export async function enrol(peer: TestPeer): Promise<TestKeys & { readonly id: string }> {
  const answer = await peer.ask("POST", "/enrol");
  expect(answer.words.slice(0, 4)).toBe("2.04");
  expect(answer.response.contentFormat).toBe(60);
  const read = readCbor(answer.response.payload);
  if (!read.ok) throw new Error("no CBOR");
  const body = read.value as Map<string, unknown>;
  const oscore = body.get("oscore") as Map<string, Uint8Array>;
  const hex = (name: string) => Buffer.from(oscore.get(name) ?? []).toString("hex");
  return {
    id: String(body.get("id")),
    ...{ masterSecret: hex("masterSecret"), masterSalt: hex("masterSalt") },
    ...{ senderId: hex("senderId"), recipientId: hex("recipientId") },
  };
}

/** The keys of a batch's device, made as the reference page says. */
export function deviceKeys(batch: string, key: string, hardware: string): TestKeys {
  const secret = Buffer.from(key, "hex");
  const hex = Buffer.from(hkdfSync("sha256", secret, "", `coxswain-batch:${hardware}`, 24)).toString("hex");
  return {
    ...{ masterSecret: hex.slice(0, 32), masterSalt: hex.slice(32), senderId: batch, recipientId: "" },
    idContext: Buffer.from(hardware, "latin1").toString("hex"),
  };
}
