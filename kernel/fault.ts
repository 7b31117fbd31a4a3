/** Who has to act: our code, whoever called it, the other side of a connection, or the machine we run on. */
export type AtFault = "us" | "caller" | "peer" | "environment";

export type FaultValue = string | number | boolean;
export type FaultData = Readonly<Record<string, FaultValue>>;

/** An error with a stable code. The code is API; the message is for people and may change. */
export class Fault extends Error {
  readonly code: string;
  readonly fault: AtFault;
  readonly data: FaultData;

  constructor(code: string, fault: AtFault, message: string, data: FaultData = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "Fault";
    this.code = code;
    this.fault = fault;
    this.data = data;
  }
}

export interface FaultDefinition {
  readonly fault: AtFault;
  /** Says what happened, to what, and what to do. `{name}` is replaced by that entry of the data. */
  readonly message: string;
}

type NamesIn<Message extends string> = Message extends `${string}{${infer Name}}${infer Rest}`
  ? Name | NamesIn<Rest>
  : never;
type DataOf<Message extends string> = { readonly [Name in NamesIn<Message>]: FaultValue } & FaultData;

export interface Faults<Catalogue extends Readonly<Record<string, FaultDefinition>>> {
  /** Builds the fault; TypeScript asks for every name that the message uses. */
  <Code extends keyof Catalogue & string>(code: Code, data: DataOf<Catalogue[Code]["message"]>, cause?: unknown): Fault;
  readonly catalogue: Catalogue;
}

/**
 * A package's catalogue of faults:
 * `const faults = defineFaults({"coap.port-in-use": {fault: "environment", message: "UDP port {port} is taken. ..."}})`,
 * then `throw faults("coap.port-in-use", {port: 5683})`.
 */
export function defineFaults<const Catalogue extends Readonly<Record<string, FaultDefinition>>>(
  catalogue: Catalogue,
): Faults<Catalogue> {
  const build = (code: string, data: FaultData, cause?: unknown): Fault => {
    const definition = catalogue[code];
    if (definition === undefined) throw new TypeError(`No fault "${code}" in this catalogue.`);
    const message = definition.message.replace(/\{([^{}]+)\}/g, (hole, name: string) => String(data[name] ?? hole));
    const fault = new Fault(code, definition.fault, message, data, cause);
    Error.captureStackTrace(fault, build);
    return fault;
  };
  return Object.assign(build, { catalogue }) as Faults<Catalogue>;
}
