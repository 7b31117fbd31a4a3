import { connectAsync } from "mqtt";
import { silentLog } from "../../kernel/log.ts";
import { systemClock } from "../../kernel/system/system-clock.ts";
import { systemEntropy } from "../../kernel/system/system-entropy.ts";
import { Broker } from "../../mqtt/broker.ts";
import { TcpListener } from "../../mqtt/tcp-listener.ts";

const broker = new Broker({
  clock: systemClock,
  entropy: systemEntropy,
  log: silentLog,
  onPublished: (batch) => {
    for (const { clientId, topic, payload } of batch) console.log(clientId, topic, Buffer.from(payload).toString());
  },
  onPresence: ({ clientId, event }) => console.log(clientId, event),
});
broker.setCredentials([
  {
    clientId: "node-1",
    password: "correct horse",
    publish: ["cx/nodes/node-1/telemetry", "cx/nodes/node-1/cmd/+/ack"],
    subscribe: ["cx/nodes/node-1/#"],
    aliases: [{ bare: "device/ota/start", own: "cx/nodes/node-1/ota/start" }],
  },
]);
await broker.start();
const listener = new TcpListener({
  host: "127.0.0.1",
  port: 0,
  log: silentLog,
  attach: (socket) => broker.attach(socket),
});
await listener.start();

const { host, port } = listener.address();
const node = await connectAsync({ host, port, clientId: "node-1", username: "node-1", password: "correct horse" });
await node.subscribeAsync("device/ota/start", { qos: 1 });
const message = new Promise<[string, Buffer]>((resolve) => {
  node.once("message", (topic, payload) => resolve([topic, payload]));
});
await node.publishAsync("cx/nodes/node-1/telemetry", '[{"n":"temperature","v":21.5}]', { qos: 1 });
await node.publishAsync("cx/nodes/node-2/telemetry", "not mine: acknowledged, dropped, counted", { qos: 1 });
await broker.publish({ topic: "cx/nodes/node-1/ota/start", payload: '{"update":"1.1.0"}', qos: 1 });
const [topic, payload] = await message;
console.log("node-1 got", topic, String(payload));

await node.endAsync();
listener.stop();
await broker.stop();
console.log("refused:", broker.counters().publishesRefused);
