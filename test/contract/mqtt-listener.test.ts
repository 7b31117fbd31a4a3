import { createServer } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { silentLog } from "../../kernel/log.ts";
import { isSecretOf, secretOf } from "../../mqtt/credentials.ts";
import { TcpListener } from "../../mqtt/tcp-listener.ts";

function listener(port: number, host = "127.0.0.1"): TcpListener {
  const built = new TcpListener({ host, port, log: silentLog, attach: (socket) => socket.destroy() });
  onTestFinished(() => built.stop());
  return built;
}

test("a port in use is a fault of the environment that names it", async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void other.close());
  const address = other.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  await expect(listener(port).start()).rejects.toMatchObject({
    code: "mqtt.port-in-use",
    fault: "environment",
    data: { port },
  });
});

test("an address that isn't this machine's is a fault that says why", async () => {
  await expect(listener(0, "192.0.2.1").start()).rejects.toMatchObject({ code: "mqtt.listen-failed" });
});

test("its address is known while it listens, and its port is free after", async () => {
  const first = listener(0);
  expect(() => first.address()).toThrow(expect.objectContaining({ code: "mqtt.not-running" }));
  await first.start();
  const { host, port } = first.address();
  expect(host).toBe("127.0.0.1");
  first.stop();
  first.stop();
  const second = listener(port);
  await second.start();
  expect(second.address().port).toBe(port);
});

test("user and password are one secret: no other pair with the same letters has it, and nobody has none", () => {
  const known = secretOf("node-1", "pass");
  expect(isSecretOf(known, "node-1", Buffer.from("pass"))).toBe(true);
  expect(isSecretOf(known, "node-1p", Buffer.from("ass"))).toBe(false);
  expect(isSecretOf(known, "node-1", Buffer.from(""))).toBe(false);
  expect(isSecretOf(undefined, "node-1", Buffer.from("pass"))).toBe(false);
  expect(isSecretOf(undefined, "", new Uint8Array(0))).toBe(false);
});
