// node-coap answering the same heartbeat as the manager: the report is kept in a Map by node, the answer is an empty 2.04.
import { createServer } from "coap";

const reports = new Map();
const big = Buffer.alloc(1 << 20, "0123456789abcdef");
let runs = 0;
const server = createServer((request, response) => {
  const [path] = request.url.split("?");
  if (path === "/count") {
    response.end(String(runs));
    return;
  }
  if (path === "/big") {
    response.end(big);
    return;
  }
  runs++;
  const id = /[?&]ep=([^&]+)/.exec(request.url)?.[1];
  reports.set(id, { at: Date.now(), report: request.payload });
  response.code = "2.04";
  response.end();
});
server.listen(Number(process.argv[2]), "127.0.0.1", () => console.log("ready"));
