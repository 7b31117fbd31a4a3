import { once } from "node:events";
import { connect, type TLSSocket } from "node:tls";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { silentLog } from "../../kernel/log.ts";
import { HttpsListener } from "../../manager/adapters/http/https-listener.ts";
import { TestCa } from "./dtls-harness.ts";

let ca: TestCa;
beforeAll(() => {
  ca = new TestCa();
});
afterAll(() => ca.remove());

test("who sends a request byte by byte is cut off, however lively he is", async () => {
  const material = ca.issue("DNS:localhost");
  const listener = new HttpsListener({
    ...{ host: "127.0.0.1", port: 0, material, maxConnections: 10, idleMs: 60_000, requestMs: 300, log: silentLog },
    request: (request) => void request.resume(),
    upgrade: (_request, socket) => void socket.destroy(),
  });
  await listener.start();
  try {
    const { port = 0 } = listener.address() ?? {};
    const socket = connect({ host: "127.0.0.1", port, ca: ca.ca, servername: "localhost" });
    socket.on("error", () => {});
    await once(socket, "secureConnect");
    socket.write("POST /api/v1/session HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60000\r\n\r\n{");
    const drip = setInterval(() => socket.write(" "), 20);
    let answer = "";
    socket.on("data", (bytes: Buffer) => {
      answer += bytes.toString();
    });
    await new Promise((resolve) => socket.once("close", resolve));
    clearInterval(drip);
    expect(answer).toMatch(/^HTTP\/1\.1 408 /);
  } finally {
    await listener.stop();
  }
});

test("a connection over the limit is closed at once and counted, and there is room again when another goes", async () => {
  const listener = new HttpsListener({
    ...{ host: "127.0.0.1", port: 0, material: ca.issue("IP:127.0.0.1"), maxConnections: 2 },
    ...{ idleMs: 60_000, requestMs: 60_000, log: silentLog },
    request: (_request, response) => response.end("here"),
    upgrade: (_request, socket) => socket.destroy(),
  });
  await listener.start();
  const open: TLSSocket[] = [];
  onTestFinished(async () => {
    for (const socket of open) socket.destroy();
    await listener.stop();
  });
  const dial = (): TLSSocket => {
    const socket = connect({ host: "127.0.0.1", port: listener.address()?.port ?? 0, ca: ca.ca });
    open.push(socket);
    return socket;
  };
  for (let i = 0; i < 2; i++) await once(dial(), "secureConnect");
  const third = dial();
  await expect(once(third, "secureConnect")).rejects.toThrow();
  await expect.poll(() => listener.counters.connectionsOverLimit).toBe(1);
  open[0]?.destroy();
  await expect
    .poll(
      () =>
        new Promise<boolean>((resolve) => {
          const again = dial();
          again.once("secureConnect", () => resolve(true));
          again.once("error", () => resolve(false));
        }),
    )
    .toBe(true);
});
