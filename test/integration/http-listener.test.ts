import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { silentLog } from "../../kernel/log.ts";
import { seededEntropy } from "../../kernel/seeded-entropy.ts";
import { VirtualClock } from "../../kernel/virtual-clock.ts";
import { HttpServer } from "../../manager/adapters/http/http-server.ts";
import { defaultHttpLimits, type HttpLimits } from "../../manager/adapters/http/http-server-options.ts";
import type { ManagerApp } from "../../manager/app/api/manager-app.ts";

interface Listening {
  readonly server: HttpServer;
  dial(): Socket;
}

const never = () => () => undefined;

async function listen(limits: Partial<HttpLimits>): Promise<Listening> {
  const server = new HttpServer({
    // Nobody here gets as far as a use case.
    app: { events: { subscribe: never }, operators: { onChanged: never } } as unknown as ManagerApp,
    ...{ host: "127.0.0.1", isInsecure: false, ownHosts: [] },
    ...{ clock: new VirtualClock(), entropy: seededEntropy(1), log: silentLog },
    limits: { ...defaultHttpLimits, ...limits },
    describe: () => ({}),
    httpsUrl: () => undefined,
    baseUrl: () => "",
    coapUrls: () => ({ coap: "", coaps: undefined }),
    siteUrls: () => ({ manager: "", gateway: "", phones: "" }),
  });
  await server.start();
  const open: Socket[] = [];
  onTestFinished(async () => {
    for (const socket of open) socket.destroy();
    await server.stop();
  });
  return {
    server,
    dial() {
      const socket = connect({ host: "127.0.0.1", port: server.address()?.port ?? 0 });
      socket.on("error", () => {});
      open.push(socket);
      return socket;
    },
  };
}

/** What comes until the other end closes. */
async function told(socket: Socket): Promise<string> {
  let text = "";
  socket.on("data", (bytes: Buffer) => {
    text += bytes.toString();
  });
  await once(socket, "close");
  return text;
}

test.each([
  [
    "a body",
    "POST /api/v1/session HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n{",
    " ",
  ],
  ["a head", "GET /health HTTP/1.1\r\nHost: localhost\r\nX-Slow: ", "x"],
])("who sends %s byte by byte is cut off with 408, however lively he is", async (_what, begun, drop) => {
  const { dial } = await listen({ requestMs: 300 });
  const socket = dial();
  socket.write(begun);
  const drip = setInterval(() => socket.write(drop), 20);
  onTestFinished(() => clearInterval(drip));
  expect(await told(socket)).toMatch(/^HTTP\/1\.1 408 /);
});

test("who sends nothing at all is cut off", async () => {
  const { dial } = await listen({ requestMs: 300 });
  expect(await told(dial())).toMatch(/^(HTTP\/1\.1 408 |$)/);
});

test("a connection over the limit is closed at once and counted, and there is room again when another goes", async () => {
  const { server, dial } = await listen({ connections: 2 });
  const ask = "GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n";
  const held = [dial(), dial()];
  for (const socket of held) {
    socket.write(ask);
    expect(String((await once(socket, "data"))[0])).toMatch(/^HTTP\/1\.1 4/);
  }
  expect(await told(dial())).toBe("");
  await expect.poll(() => server.counters()["connectionsOverLimit"]).toBe(1);
  held[0]?.destroy();
  await expect
    .poll(async () => {
      const again = dial();
      again.write(ask.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"));
      return await told(again);
    })
    .toMatch(/^HTTP\/1\.1 4/);
});
