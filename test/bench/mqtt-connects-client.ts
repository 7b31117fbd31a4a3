/**
 * Connects to a broker as `n0` again and again, and leaves when it has its CONNACK: `port count password` or `port count cert.pem key.pem ca.pem`.
 * A process of its own, so that what the broker costs can be told from what its clients cost.
 */
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";

const [port = "", count = "", ...identity] = process.argv.slice(2);
const [cert = "", key = "", ca = ""] = identity.length === 3 ? identity.map((file) => readFileSync(file, "utf8")) : [];
const password = identity.length === 1 ? identity[0] : undefined;

function field(text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes]);
}

/** CONNECT of MQTT 3.1.1 with a clean session. */
function connectPacket(id: string): Buffer {
  const flags = password === undefined ? 0x02 : 0xc2;
  const fields = password === undefined ? [field(id)] : [field(id), field(id), field(password)];
  const rest = Buffer.concat([field("MQTT"), Buffer.from([4, flags, 0, 60]), ...fields]);
  return Buffer.concat([Buffer.from([0x10, rest.length]), rest]);
}

function once(id: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const at = { host: "127.0.0.1", port: Number(port) };
    const begin = (): void => void socket.write(connectPacket(id));
    const socket: Socket = cert === "" ? connect(at, begin) : connectTls({ ...at, cert, key, ca }, begin);
    socket.on("error", reject);
    socket.once("data", (answer: Buffer) => {
      if (answer[0] !== 0x20 || answer[3] !== 0) reject(new Error(`refused: ${answer.toString("hex")}`));
      socket.end(Uint8Array.of(0xe0, 0));
    });
    socket.once("close", () => resolve());
  });
}

for (let left = Number(count); left > 0; left--) await once("n0");
