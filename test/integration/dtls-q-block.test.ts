import { afterEach, describe, expect, it } from "vitest";
import { hasDtls } from "./dtls-harness.ts";
import { DtlsWorld } from "./dtls-world.ts";

const size = 30_000;

describe.runIf(hasDtls())("Q-Block over DTLS", () => {
  const world = new DtlsWorld();
  afterEach(() => world.stop());

  it("RFC 9177 11: is taken from whoever has an identity, without being turned on, both ways in a few datagrams", async () => {
    const server = await world.server();
    let stored = new Uint8Array(0);
    server.endpoint.route({
      method: "PUT",
      path: "/image",
      replay: "once",
      answer(request) {
        stored = request.payload.slice();
      },
    });
    server.endpoint.route({
      method: "GET",
      path: "/image",
      replay: "again",
      answer(_request, reply) {
        reply.payload = stored;
      },
    });
    const client = await world.client();
    const image = Uint8Array.from({ length: size }, (_, at) => (at * 7 + (at >> 8)) & 0xff);
    const asked = { to: { address: "10.0.0.1", port: 5684 }, path: ["image"], qBlock: true };
    const put = client.endpoint.request({ ...asked, method: "PUT", payload: image });
    await world.clock.advance(10_000);
    expect((await put).code).toBe(0x44);
    expect(Buffer.from(stored).equals(image)).toBe(true);
    const before = world.sent.length;
    const get = client.endpoint.request({ ...asked, method: "GET" });
    await world.clock.advance(10_000);
    expect(Buffer.from((await get).payload).equals(image)).toBe(true);
    // Thirty blocks, and one request for each set of ten.
    expect(world.sent.slice(before).filter(({ to }) => to.port === 5684)).toHaveLength(3);
    expect(world.sent.slice(before).filter(({ to }) => to.port !== 5684)).toHaveLength(30);
  });
});
