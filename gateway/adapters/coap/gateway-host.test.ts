import { expect, test } from "vitest";
import type { Service } from "../../../schemas/generated/types.ts";
import { nodeId } from "../../../schemas/wire/node-id.ts";
import { GatewayHost } from "./gateway-host.ts";

function statusWith(...states: Service["state"][]) {
  const services = states.map((state, at) => ({ name: `s${at}`, state }));
  const host = new GatewayHost({
    ...({ id: nodeId("gw"), model: "gateway", speaksTls: false } as ConstructorParameters<typeof GatewayHost>[0]),
    facts: () => ({ version: "0.1.0", uptimeSeconds: 1, services }),
  });
  return host.report().status;
}

test("a gateway whose bus or bridge failed is degraded, one that is only starting raises no alert", () => {
  expect(statusWith("running", "failed")).toBe("degraded");
  expect(statusWith("running", "stopped")).toBe("degraded");
  expect(statusWith("starting", "running")).toBe("healthy");
  expect(statusWith("running", "running")).toBe("healthy");
});
