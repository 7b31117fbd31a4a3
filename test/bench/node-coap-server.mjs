// node-coap answering the same heartbeat as the manager: the sighting is kept in a Map by node, the answer is an empty 2.04.
import { createServer } from "coap";

const sightings = new Map();
const server = createServer((request, response) => {
  const id = /[?&]ep=([^&]+)/.exec(request.url)?.[1];
  sightings.set(id, { at: Date.now(), report: request.payload });
  response.code = "2.04";
  response.end();
});
server.listen(Number(process.argv[2]), "127.0.0.1", () => console.log("ready"));
