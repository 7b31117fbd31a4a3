import { expect, test } from "vitest";
import { defineFaults, Fault } from "./fault.ts";

const faults = defineFaults({
  "sample.port-in-use": { fault: "environment", message: "Port {port} on {address} is taken. Stop the other program." },
  "sample.bug": { fault: "us", message: "This can't happen. Report it." },
});

test("fills the template, carries code, data and cause, and is an Error", () => {
  const cause = new Error("EADDRINUSE");
  const fault = faults("sample.port-in-use", { port: 5683, address: "127.0.0.1" }, cause);
  expect(fault).toBeInstanceOf(Fault);
  expect(fault).toBeInstanceOf(Error);
  expect(fault.code).toBe("sample.port-in-use");
  expect(fault.fault).toBe("environment");
  expect(fault.data).toEqual({ port: 5683, address: "127.0.0.1" });
  expect(fault.message).toBe("Port 5683 on 127.0.0.1 is taken. Stop the other program.");
  expect(fault.cause).toBe(cause);
});

test("the stack begins at the caller, not in the catalogue", () => {
  expect(faults("sample.bug", {}).stack?.split("\n")[1]).toContain("fault.test.ts");
});

test("a code that isn't in the catalogue is a programmer's error", () => {
  // @ts-expect-error: unknown code
  expect(() => faults("sample.unknown", {})).toThrow(TypeError);
});

test("data that the message needs is asked for by the compiler, and a hole stays visible without it", () => {
  // @ts-expect-error: address is missing
  expect(faults("sample.port-in-use", { port: 1 }).message).toContain("{address}");
});
