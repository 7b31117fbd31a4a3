import { defineFaults } from "../kernel/fault.ts";

export const agentFaults = defineFaults({
  "agent.too-many-children": {
    fault: "caller",
    message: "{parent} speaks for {limit} children already, the limit; {child} can't be one more.",
  },
  "agent.not-a-child": {
    fault: "caller",
    message: "{child} can't be a child of {parent}: it must be named {parent}.<hardware number in lower-case hex>.",
  },
  "agent.child-twice": { fault: "caller", message: "{child} is there already." },
  "agent.bad-manager": {
    fault: "caller",
    message: "The manager's address can't be \"{text}\": write coap://HOST:PORT or coaps://HOST:PORT.",
  },
  "agent.bad-credentials": {
    fault: "caller",
    message: "The credentials are no good: {reason} `coxswain node add ID` writes such a file.",
  },
});
