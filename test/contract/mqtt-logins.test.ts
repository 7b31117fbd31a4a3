import { generate } from "mqtt-packet";
import { describe, expect, test, vi } from "vitest";
import { secretOf } from "../../mqtt/credentials.ts";
import { startBroker } from "./mqtt-fixture.ts";

const rights = { publish: ["home/#"], subscribe: ["home/#"] };

/** A check that answers when the test says so. */
function slowCheck(): {
  readonly check: (password: Uint8Array) => Promise<boolean>;
  answer(isRight: boolean): void;
  asked: string[];
} {
  const waiting: ((isRight: boolean) => void)[] = [];
  const asked: string[] = [];
  const check = (password: Uint8Array): Promise<boolean> => {
    asked.push(Buffer.from(password).toString());
    return new Promise((resolve) => waiting.push(resolve));
  };
  return { check, asked, answer: (isRight) => void waiting.splice(0).map((each) => each(isRight)) };
}

describe("a client known by a check", () => {
  test("is refused when the check says no, and when it has another user name", async () => {
    const { broker, client } = await startBroker();
    const check = async (password: Uint8Array): Promise<boolean> => Buffer.from(password).toString() === "right";
    broker.setCredentials([{ clientId: "phone", password: { check }, ...rights }]);
    await expect(client("phone", { username: "phone", password: "wrong" })).rejects.toMatchObject({ code: 4 });
    await expect(client("phone", { username: "other", password: "right" })).rejects.toMatchObject({ code: 4 });
    const phone = await client("phone", { username: "phone", password: "right" });
    expect(phone.connected).toBe(true);
  });

  test("is told to come again when the check has no time for it", async () => {
    const { broker, client } = await startBroker();
    const check = (): Promise<boolean> => Promise.reject(new Error("busy"));
    broker.setCredentials([{ clientId: "phone", password: { check }, ...rights }]);
    await expect(client("phone", { username: "phone", password: "right" })).rejects.toMatchObject({ code: 3 });
  });

  test("doesn't get in when it is removed, or gets another password, while its own is looked at", async () => {
    const { broker, client } = await startBroker();
    for (const change of [
      () => broker.removeCredentials(["phone"]),
      () => broker.setCredentials([{ clientId: "phone", password: "new", ...rights }]),
    ]) {
      const slow = slowCheck();
      broker.setCredentials([{ clientId: "phone", password: { check: slow.check }, ...rights }]);
      const coming = client("phone", { username: "phone", password: "right" });
      const refused = expect(coming).rejects.toMatchObject({ code: 4 });
      await vi.waitFor(() => expect(slow.asked).toEqual(["right"]));
      await change();
      slow.answer(true);
      await refused;
      expect(broker.isConnected("phone")).toBe(false);
    }
  });

  test("leaves nothing behind when it goes while its password is looked at, and comes in the next time", async () => {
    const { broker, client, raw } = await startBroker();
    const slow = slowCheck();
    broker.setCredentials([{ clientId: "phone", password: { check: slow.check }, ...rights }]);
    const going = await raw();
    going.send(
      generate({
        cmd: "connect",
        clientId: "phone",
        username: "phone",
        password: Buffer.from("right"),
        protocolId: "MQTT",
        protocolVersion: 4,
        clean: true,
        keepalive: 60,
      }),
    );
    await vi.waitFor(() => expect(slow.asked).toHaveLength(1));
    going.stream.destroy();
    slow.answer(true);
    await vi.waitFor(() => expect(broker.counters().connections).toBe(0));
    expect(broker.isConnected("phone")).toBe(false);
    const coming = client("phone", { username: "phone", password: "right" });
    await vi.waitFor(() => expect(slow.asked).toHaveLength(2));
    slow.answer(true);
    await coming;
  });

  test("that is cut for waiting too long doesn't hold its place when the answer comes", async () => {
    const { broker, client, raw } = await startBroker({ limits: { connectTimeoutMs: 150, lingerMs: 0 } });
    const slow = slowCheck();
    broker.setCredentials([{ clientId: "phone", password: { check: slow.check }, ...rights }]);
    const waiting = await raw();
    waiting.send(
      generate({
        ...{ cmd: "connect", clientId: "phone", username: "phone", password: Buffer.from("right") },
        ...{ protocolId: "MQTT", protocolVersion: 4, clean: true, keepalive: 60 },
      }),
    );
    await vi.waitFor(() => expect(slow.asked).toHaveLength(1));
    await waiting.closed();
    slow.answer(true);
    const coming = client("phone", { username: "phone", password: "right" });
    await vi.waitFor(() => expect(slow.asked).toHaveLength(2));
    slow.answer(true);
    expect((await coming).connected).toBe(true);
  });

  test("an unknown client's password is looked at as well, and it is refused whatever that says", async () => {
    const nobody = vi.fn(async () => true);
    const { client } = await startBroker({ checkOfNobody: nobody });
    await expect(client("stranger", { username: "stranger", password: "right" })).rejects.toMatchObject({ code: 4 });
    expect(nobody).toHaveBeenCalledTimes(1);
  });
});

test("a client known by what is kept of its password comes in by the password, not by what is kept", async () => {
  const { broker, client } = await startBroker();
  const secret = secretOf("phone", "right");
  broker.setCredentials([{ clientId: "phone", password: { secret }, ...rights }]);
  const kept = { username: "phone", password: Buffer.from(secret) };
  await expect(client("phone", kept)).rejects.toMatchObject({ code: 4 });
  expect((await client("phone", { username: "phone", password: "right" })).connected).toBe(true);
});

describe("who may not retain", () => {
  test("has its retained message refused, and its will", async () => {
    const { broker, client, raw } = await startBroker();
    broker.setCredentials([{ clientId: "phone", password: "p", ...rights, retained: "refused" }]);
    const viewer = await client("viewer");
    const seen: string[] = [];
    viewer.on("message", (topic) => seen.push(topic));
    await viewer.subscribeAsync("home/#");
    const phone = await client("phone", { password: "p" });
    await phone.publishAsync("home/refused", "x", { qos: 1, retain: true });
    await phone.publishAsync("home/passed", "x", { qos: 1 });
    await vi.waitFor(() => expect(seen).toEqual(["home/passed"]));
    await phone.endAsync();
    const dying = await raw();
    dying.send(
      generate({
        ...{
          cmd: "connect",
          clientId: "phone",
          username: "phone",
          password: Buffer.from("p"),
          protocolId: "MQTT",
          protocolVersion: 4,
        },
        ...{
          clean: true,
          keepalive: 60,
          will: { topic: "home/will", payload: Buffer.from("x"), qos: 1, retain: true },
        },
      }),
    );
    await vi.waitFor(() => expect(broker.isConnected("phone")).toBe(true));
    dying.stream.destroy();
    await vi.waitFor(() => expect(broker.counters().willsRefused).toBe(1));
    expect(seen).toEqual(["home/passed"]);
  });

  test("or has it passed on without its being kept", async () => {
    const { broker, client } = await startBroker();
    broker.setCredentials([{ clientId: "gateway", password: "p", ...rights, retained: "passed" }]);
    const viewer = await client("viewer");
    const live = new Promise((resolve) => viewer.once("message", resolve));
    await viewer.subscribeAsync("home/#");
    const gateway = await client("gateway", { password: "p" });
    await gateway.publishAsync("home/telemetry", "x", { qos: 1, retain: true });
    expect(await live).toBe("home/telemetry");
    await gateway.publishAsync("home/telemetry", "x", { qos: 2, retain: true });
    const seen: string[] = [];
    broker.setCredentials([{ clientId: "late", password: "p", publish: ["home/mark"], subscribe: ["home/#"] }]);
    const reader = await client("late", { password: "p" });
    reader.on("message", (topic) => seen.push(topic));
    await reader.subscribeAsync("home/#", { qos: 1 });
    await reader.publishAsync("home/mark", "x", { qos: 1 });
    await vi.waitFor(() => expect(seen).toEqual(["home/mark"]));
  });
});
