import type { Socket } from "node:dgram";
import { createRequire } from "node:module";
import { afterAll, beforeAll, expect, test } from "vitest";
import { soon, type TestManager, testManager } from "../integration/manager-harness.ts";

// node-coap's types don't survive our compiler flags, so the little that is used of it is spelled out.
interface Incoming {
  readonly code: string;
  readonly payload: Buffer;
  readonly headers: Readonly<Record<string, unknown>>;
  on(event: "data", listener: (chunk: Buffer) => void): void;
  close(): void;
}
interface Outgoing {
  setOption(name: string, value: unknown): void;
  on(event: "response", listener: (response: Incoming) => void): void;
  on(event: "error", listener: (error: Error) => void): void;
  write(chunk: Buffer | string): void;
  end(chunk?: Buffer | string): void;
}
interface ServerRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, unknown>>;
}
type ServerResponse = Omit<Outgoing, "on">;
interface Agent {
  close(): void;
}
interface NodeCoap {
  request(options: Record<string, unknown>): Outgoing;
  createServer(listener: (request: ServerRequest, response: ServerResponse) => void): {
    listen(port: number, address: string, done: () => void): void;
    close(): void;
    readonly _sock: Socket;
    readonly _port: number;
  };
  Agent: new (options: Record<string, unknown>) => Agent;
}
const coap = createRequire(import.meta.url)("coap") as NodeCoap;

let manager: TestManager;
let agent: Agent;
beforeAll(async () => {
  manager = await testManager();
  agent = new coap.Agent({ type: "udp4" });
});
afterAll(async () => {
  agent.close();
  await manager.end();
});

function ask(
  method: string,
  pathname: string,
  {
    query,
    body,
    format = "application/json",
    observe = false,
  }: { query?: string; body?: string; format?: string; observe?: boolean } = {},
): Promise<Incoming> {
  const request = coap.request({ host: "127.0.0.1", port: manager.coapPort, method, pathname, query, observe, agent });
  return new Promise((resolve, reject) => {
    request.on("response", resolve);
    request.on("error", reject);
    if (body !== undefined) request.setOption("Content-Format", format);
    request.end(body);
  });
}

test("as a client it registers, beats and reads what it said", async () => {
  const registered = await ask("POST", "/register", { body: '{"id":"nc-1","model":"node-coap"}' });
  expect([registered.code, JSON.parse(registered.payload.toString())]).toMatchObject(["2.01", { id: "nc-1" }]);
  const beat = await ask("POST", "/status", { query: "ep=nc-1&r=0", body: '{"status":"healthy","cpuPercent":12.5}' });
  expect([beat.code, beat.payload.length]).toEqual(["2.04", 0]);
  const health = await ask("GET", "/nodes/nc-1/health");
  expect(JSON.parse(health.payload.toString())).toMatchObject({ status: "healthy", cpuPercent: 12.5 });
  expect((await ask("POST", "/register", { body: "<id/>", format: "application/xml" })).code).toBe("4.15");
  expect((await ask("GET", "/nodes/ghost")).code).toBe("4.04");
});

test("as a client it gets a long answer by blocks", async () => {
  for (let index = 0; index < 30; index++)
    await ask("POST", "/register", { body: `{"id":"many-${index}","model":"a-model-with-a-long-name"}` });
  const listed = await ask("GET", "/nodes", { query: "count=100" });
  expect((JSON.parse(listed.payload.toString()) as { total: number }).total).toBe(31);
});

test("as a client it observes the alerts", async () => {
  const heard: string[] = [];
  const observed = await ask("GET", "/alerts", { observe: true });
  observed.on("data", (chunk) => void heard.push(chunk.toString()));
  await soon(
    () => heard.length,
    (count) => count > 0,
  );
  await ask("PUT", "/nodes/nc-1/health", { body: '{"status":"unhealthy"}' });
  await soon(
    () => heard.at(-1) ?? "",
    (text) => text.includes("nc-1"),
  );
  observed.close();
});

test("as a node it is observed and called on the socket that it registered from", async () => {
  let status = "healthy";
  const observers: ServerResponse[] = [];
  const taken: string[] = [];
  const server = coap.createServer((request, response) => {
    if (request.url.startsWith("/health")) {
      response.setOption("Content-Format", "application/json");
      const isObserving = request.headers["Observe"] === 0;
      if (isObserving) {
        observers.push(response);
        response.write(JSON.stringify({ status }));
      } else {
        response.end(JSON.stringify({ status }));
      }
      return;
    }
    taken.push(request.url);
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  // Its client takes the server's socket, as a node with one port does.
  const own = new coap.Agent({ type: "udp4", socket: server._sock });
  const request = coap.request({
    host: "127.0.0.1",
    port: manager.coapPort,
    method: "POST",
    pathname: "/register",
    agent: own,
  });
  const registered = await new Promise<Incoming>((resolve, reject) => {
    request.on("response", resolve);
    request.on("error", reject);
    request.setOption("Content-Format", "application/json");
    request.end('{"id":"nc-node"}');
  });
  expect(registered.code).toBe("2.01");
  await soon(
    () => manager.app.health.latest("nc-node")?.value.status,
    (value) => value === "healthy",
  );
  status = "degraded";
  for (const observer of observers) observer.write(JSON.stringify({ status }));
  await soon(
    () => manager.app.health.latest("nc-node")?.value.status,
    (value) => value === "degraded",
  );
  await manager.app.commands.send("nc-node", { command: "identify" }, { kind: "operator", id: "test" });
  await soon(
    () => taken,
    (list) => list.includes("/update"),
  );
  server.close();
});
