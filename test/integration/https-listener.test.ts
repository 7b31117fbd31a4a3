import { once } from "node:events";
import { connect } from "node:tls";
import { afterAll, beforeAll, expect, test } from "vitest";
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
    ...{ host: "127.0.0.1", port: 0, material, idleMs: 60_000, requestMs: 300, log: silentLog },
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
