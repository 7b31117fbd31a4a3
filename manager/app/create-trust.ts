import type { Limits } from "../../kernel/limits.ts";
import { Authoriser } from "../domain/authoriser.ts";
import type { appLimits } from "./app-limits.ts";
import { CertificateService, type CertificateServiceOptions } from "./certificate-service.ts";
import { CredentialService, type CredentialServiceOptions } from "./credential-service.ts";
import { EnrolmentService, type EnrolmentServiceOptions } from "./enrolment-service.ts";
import { IdentityGuard, type IdentityGuardOptions } from "./identity-guard.ts";
import { NodeLabelBook, type NodeLabelBookOptions } from "./node-label-book.ts";
import { OperatorKeys, type OperatorKeysOptions } from "./operator-keys.ts";
import { OperatorService, type OperatorServiceOptions } from "./operator-service.ts";

type Credential = Omit<
  CredentialServiceOptions,
  "capacity" | "history" | "issuesAtOnce" | "waitingIssues" | "closeEnrolments" | "otherIdentities"
>;

export type TrustOptions = Omit<NodeLabelBookOptions, "capacity"> &
  Omit<OperatorServiceOptions, "limits" | "keys"> &
  OperatorKeysOptions &
  Credential &
  Omit<EnrolmentServiceOptions, "credentials" | "limits"> &
  Omit<CertificateServiceOptions, "revoked" | "capacity"> &
  IdentityGuardOptions & {
    /** The CA makes certificates of nodes and operators too. */
    readonly certifiesNodes: boolean;
    readonly limits: Limits<typeof appLimits.definitions>;
  };

export interface TrustParts {
  readonly labels: NodeLabelBook;
  readonly operators: OperatorService;
  readonly authoriser: Authoriser;
  readonly identities: IdentityGuard;
  readonly credentials: CredentialService;
  readonly enrolments: EnrolmentService;
  readonly certificates: CertificateService;
}

/** Who is who and how he proves it, who may steer, what of the fleet is whose, and who decides. */
export function createTrust(options: TrustOptions): TrustParts {
  const { limits, revokedCertificates } = options;
  const authority = options.certifiesNodes ? options.authority : undefined;
  const labels = new NodeLabelBook({ ...options, capacity: limits.nodes });
  const keys = new OperatorKeys({ ...options, authority });
  const operators = new OperatorService({ ...options, keys });
  const authoriser = new Authoriser({ labelsOf: (node) => labels.of(node) });
  const identities = new IdentityGuard(options);
  const credentials = new CredentialService({
    ...{ ...options, authority, capacity: limits.nodes, history: limits.credentialHistory },
    ...{ issuesAtOnce: limits.issuesAtOnce, waitingIssues: limits.waitingIssues },
    closeEnrolments: (node, by) => enrolments.close(node, by),
    otherIdentities: () => identities.otherIdentities,
  });
  const enrolments = new EnrolmentService({ ...options, credentials });
  const certificates = new CertificateService({
    ...options,
    revoked: revokedCertificates,
    capacity: limits.serverCertificates,
  });
  return { labels, operators, authoriser, identities, credentials, enrolments, certificates };
}
