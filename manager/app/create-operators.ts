import { Authoriser } from "../domain/authoriser.ts";
import { NodeLabelBook, type NodeLabelBookOptions } from "./node-label-book.ts";
import { OperatorKeys, type OperatorKeysOptions } from "./operator-keys.ts";
import { OperatorService, type OperatorServiceOptions } from "./operator-service.ts";

export type OperatorsOptions = Omit<NodeLabelBookOptions, "capacity"> &
  Omit<OperatorServiceOptions, "limits" | "keys"> &
  OperatorKeysOptions & {
    readonly limits: OperatorServiceOptions["limits"] & { readonly nodes: number };
  };

export interface OperatorParts {
  readonly labels: NodeLabelBook;
  readonly operators: OperatorService;
  readonly authoriser: Authoriser;
}

/** Who may steer, what of the fleet is whose, and who decides. */
export function createOperators(options: OperatorsOptions): OperatorParts {
  const labels = new NodeLabelBook({ ...options, capacity: options.limits.nodes });
  const keys = new OperatorKeys(options);
  const operators = new OperatorService({ ...options, keys });
  return { labels, operators, authoriser: new Authoriser({ labelsOf: (node) => labels.of(node) }) };
}
