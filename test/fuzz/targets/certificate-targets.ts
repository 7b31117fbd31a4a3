import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { Fault } from "../../../kernel/fault.ts";
import { pem } from "../../../kernel/x509/pem.ts";
import { certificateRequest } from "../../../manager/adapters/certificates/certificate-request.ts";
import { DerError } from "../../../manager/adapters/certificates/der-reader.ts";
import { revocationList } from "../../../manager/adapters/certificates/revocation-list.ts";
import { revokedSerials } from "../../../manager/adapters/certificates/revoked-serials.ts";
import { type FuzzTarget, mustHold } from "./fuzz-target.ts";

const fromBase64 = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "base64"));

/** Made by OpenSSL: without attributes, and with a subjectAltName among them. */
const requests = [
  "MIHKMHECAQAwDzENMAsGA1UEAwwEbm9kZTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABAjH0AKqw/WRsysLO9qVubwRZMcN5UjcQ65rbngeXgQvugTxiNLdRozfBAFbEaj6P4wN9MrwCZt8t8V2OZfiMpCgADAKBggqhkjOPQQDAgNJADBGAiEApiQRW8BxFRVLYUvOf1Qh23Z2IFOiI5Jh55pG9bn6X8sCIQCVoVWROXq9qavihP5Y/LpOdtDiVVAxcV51dMn70qLRog==",
  "MIH8MIGjAgEAMA8xDTALBgNVBAMMBG5vZGUwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQlPd3K5fXGPsPGP6h7QbCUulPOeDmrzWteY/pCve5AOdYG9MbR1bWT4rYzNzSloYvyaiq8YMUS2Lx4MM/1txXooDIwMAYJKoZIhvcNAQkOMSMwITAfBgNVHREEGDAWhhR1cm46Y294c3dhaW46bm9kZTpuMTAKBggqhkjOPQQDAgNIADBFAiEA77pwtQRIGEAfCTmUYJ683gQc/MO7W8ltY9NB+XSXxuoCIGHqf6/y/KDK5WzIyFzsj276Y2u/W2v1Gs4Ezq/z+O+v",
].map(fromBase64);

/** The two keys: what is altered is never signed by another. */
const known = new Set(requests.map((each) => fingerprint(certificateRequest(pem("CERTIFICATE REQUEST", each)))));

export const certificateRequestTarget: FuzzTarget = {
  name: "certificate-request",
  seeds: () => requests,
  run(input) {
    let key: KeyObject;
    try {
      key = certificateRequest(pem("CERTIFICATE REQUEST", input));
    } catch (error) {
      mustHold(error instanceof Fault && error.code === "certificates.bad-request", "a refusal names its reason");
      return;
    }
    mustHold(known.has(fingerprint(key)), "a key that is taken has signed its request");
  },
};

export const revokedSerialsTarget: FuzzTarget = {
  name: "revoked-serials",
  seeds() {
    const keys = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
    const plan = { number: 7, madeAtMs: 1e12, nextAtMs: 2e12, issuer: { subject: "test CA", ...keys } };
    const revoked = [1, 200].map((serial) => ({ serial: Uint8Array.of(serial, 9), atMs: 1e12 }));
    return [revocationList({ ...plan, revoked: [] }), revocationList({ ...plan, revoked })];
  },
  run(input) {
    try {
      for (const serial of revokedSerials(pem("X509 CRL", input)))
        mustHold(/^[0-9a-f]+$/.test(serial), "a serial number has digits");
    } catch (error) {
      mustHold(error instanceof DerError, "what isn't a list is refused as DER that can't be read");
    }
  },
};

function fingerprint(key: KeyObject): string {
  return key.export({ format: "der", type: "spki" }).toString("hex");
}
