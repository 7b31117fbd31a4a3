import { mkdtempSync, rmSync, statSync } from "node:fs";
import { createServer, type IncomingMessage, type RequestListener, request, type Server } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { ControlSocket } from "../../gateway/adapters/http/control-socket.ts";
import { SiteFollower, type SiteFollowerOptions } from "../../gateway/adapters/http/site-follower.ts";
import { silentLog } from "../../kernel/log.ts";
import { systemClock } from "../../kernel/system/system-clock.ts";
import { systemEntropy } from "../../kernel/system/system-entropy.ts";
import type { SiteAccess } from "../../schemas/generated/types.ts";
import { TestCa } from "./dtls-harness.ts";
import { soon } from "./manager-harness.ts";

const secret = "S".repeat(43);
const access = { site: "home-1", title: "Home", timeZone: "UTC", revision: 5, phones: [] };

interface Followed {
  readonly follower: SiteFollower;
  readonly lists: SiteAccess[];
  readonly reasons: string[];
}

function followed(manager: string, more: Partial<SiteFollowerOptions> = {}, ca?: string): Followed {
  const lists: SiteAccess[] = [];
  const reasons: string[] = [];
  // A second is a long time here.
  const clock: SiteFollowerOptions["clock"] = {
    ...{ monotonicMs: () => systemClock.monotonicMs(), wallMs: () => systemClock.wallMs() },
    after: (ms, callback) => systemClock.after(ms / 50, callback),
  };
  const follower = new SiteFollower({
    link: { site: "home-1", manager, secret, ...(ca !== undefined && { ca }) } as SiteFollowerOptions["link"],
    ...{ clock, entropy: systemEntropy, waitSeconds: 1 },
    log: { ...silentLog, warn: (_event, data) => void reasons.push(String(data?.["reason"])) },
    report: () => ({ revision: lists.at(-1)?.revision ?? 0 }),
    replace: async (list) => void lists.push(list),
    ...more,
  });
  follower.start();
  onTestFinished(async () => await follower.stop());
  return { follower, lists, reasons };
}

async function serving(answer: RequestListener, tls?: { cert: string; key: string }): Promise<string> {
  const server: Server = tls === undefined ? createServer(answer) : createSecureServer(tls, answer);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `${tls === undefined ? "http" : "https"}://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function bodyOf(asked: IncomingMessage): Promise<Record<string, unknown>> {
  const chunks: Buffer[] = [];
  for await (const chunk of asked as AsyncIterable<Buffer>) chunks.push(chunk);
  return JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>;
}

const until = (look: () => boolean): Promise<boolean> => soon(look, (is) => is);

describe("a gateway that asks a manager which answers wrongly", () => {
  test.each<[string, RequestListener]>([
    ["refuses it", (_asked, answer) => void answer.writeHead(401).end("{}")],
    ["fails", (_asked, answer) => void answer.writeHead(500).end()],
    ["says what isn't JSON", (_asked, answer) => void answer.writeHead(200).end("<html>")],
    ["says another site's phones", (_asked, answer) => void answer.end(JSON.stringify({ ...access, site: "home-2" }))],
    ["leaves something out", (_asked, answer) => void answer.end(JSON.stringify({ site: "home-1" }))],
    ["never ends", (_asked, answer) => void answer.write(" ".repeat(40_000))],
    ["hangs up", (asked) => void asked.socket.destroy()],
    ["redirects it elsewhere", (_asked, answer) => void answer.writeHead(302, { location: "http://192.0.2.1/" }).end()],
  ])("which %s: keeps what it has, and asks again with pauses", async (_what, answer) => {
    let asked = 0;
    const manager = await serving((request, response) => {
      asked++;
      answer(request, response);
    });
    const { lists, follower, reasons } = followed(manager);
    await until(() => asked >= 3);
    expect([lists, follower.isHeard]).toEqual([[], false]);
    // Once, though it was asked for more often.
    expect(reasons).toHaveLength(1);
  });

  test("that isn't there is asked again, and heard when it is", async () => {
    const listening = createServer(async (asked, answer) => {
      const isNew = (await bodyOf(asked))["revision"] === 0;
      if (isNew) answer.end(JSON.stringify(access));
      else answer.writeHead(204).end();
    });
    await new Promise<void>((resolve) => listening.listen(0, "127.0.0.1", resolve));
    const { port } = listening.address() as AddressInfo;
    await new Promise<void>((resolve) => listening.close(() => resolve()));
    const { reasons, lists, follower } = followed(`http://127.0.0.1:${port}`);
    await until(() => reasons.length > 0);
    expect([reasons[0], follower.isHeard]).toEqual([expect.stringContaining("ECONNREFUSED"), false]);
    await new Promise<void>((resolve) => listening.listen(port, "127.0.0.1", resolve));
    onTestFinished(() => {
      listening.closeAllConnections();
      listening.close();
    });
    await until(() => lists.length > 0);
    await until(() => follower.isHeard);
  });

  test("in the open, on another machine, is told nothing", async () => {
    for (const manager of [
      "http://192.0.2.1:8683",
      "http://manager.example",
      "http://127.0.0.1.example",
      "http://[2001:db8::1]",
    ]) {
      const { reasons } = followed(manager);
      await until(() => reasons.length > 0);
      expect(reasons[0], manager).toContain("in the open");
    }
  });

  test("with the certificate of another CA is told nothing", async () => {
    const [ours, other] = [new TestCa(), new TestCa()];
    onTestFinished(() => {
      ours.remove();
      other.remove();
    });
    const heard: (string | undefined)[] = [];
    const { cert, key } = ours.issue("IP:127.0.0.1");
    const manager = await serving(
      (asked, answer) => {
        heard.push(asked.headers.authorization);
        answer.end(JSON.stringify(access));
      },
      { cert, key },
    );
    const wrong = followed(manager, {}, other.ca);
    await until(() => wrong.reasons.length > 0);
    expect([heard, wrong.lists]).toEqual([[], []]);
    const right = followed(manager, {}, ours.ca);
    await until(() => right.lists.length > 0);
    expect(heard[0]).toBe(`Bearer ${secret}`);
  });
});

describe("a gateway that asks its manager", () => {
  test("whose list couldn't be stored asks for it again", async () => {
    const manager = await serving((_asked, answer) => void answer.end(JSON.stringify(access)));
    let tries = 0;
    const { reasons } = followed(manager, {
      replace: async () => {
        tries++;
        throw new Error("ENOSPC");
      },
    });
    await until(() => tries >= 2);
    expect(reasons[0]).toContain("ENOSPC");
  });

  test("which says the same list for ever isn't asked in a circle, and nothing is stored again", async () => {
    let asked = 0;
    const manager = await serving((_asked, answer) => {
      asked++;
      answer.end(JSON.stringify(access));
    });
    const { lists, reasons } = followed(manager);
    await until(() => reasons.length > 0 && asked >= 3);
    expect(lists).toHaveLength(1);
    expect(reasons).toEqual(["said no news as news"]);
  });

  test("says which list it has, and what it has to tell at once when it is told to hurry", async () => {
    const told: Record<string, unknown>[] = [];
    const manager = await serving(async (asked, answer) => {
      const body = await bodyOf(asked);
      told.push(body);
      if (body["revision"] === 0) answer.end(JSON.stringify(access));
      // Otherwise it waits for news.
    });
    let removed: string[] = [];
    const lists: SiteAccess[] = [];
    const { follower } = followed(manager, {
      waitSeconds: 60,
      report: () => ({ revision: lists.at(-1)?.revision ?? 0, removed: removed as never }),
      replace: async (list) => void lists.push(list),
    });
    await until(() => told.length === 2);
    expect(told[1]).toMatchObject({ revision: 5, waitSeconds: 60 });
    removed = ["annaannaanna"];
    const askedMs = performance.now();
    follower.hurry();
    await until(() => told.length === 3);
    expect(performance.now() - askedMs).toBeLessThan(1000);
    expect(told[2]).toMatchObject({ removed: ["annaannaanna"] });
  });

  test("ends at once when it is stopped, in the middle of a wait as well", async () => {
    let asked = 0;
    const manager = await serving(() => void asked++);
    const { follower } = followed(manager, { waitSeconds: 60 });
    await until(() => asked === 1);
    const stoppedMs = performance.now();
    await follower.stop();
    expect(performance.now() - stoppedMs).toBeLessThan(1000);
    const silent = followed("http://127.0.0.1:9");
    await until(() => silent.reasons.length > 0);
    await silent.follower.stop();
  });
});

describe("the gateway's own socket", () => {
  async function opened(): Promise<{ ask(body?: string): Promise<number>; path: string; asked: unknown[] }> {
    const folder = mkdtempSync(join(tmpdir(), "coxswain-control-"));
    const asked: unknown[] = [];
    const control = new ControlSocket({
      ...{ path: join(folder, "control.sock"), log: silentLog },
      answer: async (_method, _path, body) => {
        asked.push(body);
        if (body === "throw") throw new Error("a defect");
        return { status: 200, body: { ok: true } };
      },
    });
    await control.start();
    onTestFinished(async () => {
      await control.stop();
      rmSync(folder, { recursive: true });
    });
    const path = join(folder, "control.sock");
    const ask = (body?: string): Promise<number> =>
      new Promise((resolve) => {
        const asking = request({ socketPath: path, method: "POST", path: "/" }, (response) => {
          response.resume();
          resolve(response.statusCode ?? 0);
        });
        asking.on("error", () => resolve(-1));
        asking.end(body);
      });
    return { ask, path, asked };
  }

  test("takes nothing that is too long, and goes on after a defect and after what is no JSON", async () => {
    const { ask, asked } = await opened();
    expect([-1, 500]).toContain(await ask("x".repeat(100_000)));
    expect(await ask(JSON.stringify("throw"))).toBe(500);
    expect(await ask("{")).toBe(200);
    expect(await ask()).toBe(200);
    expect(asked).toEqual(["throw", undefined, undefined]);
  });

  test("is its owner's alone", async () => {
    const { path } = await opened();
    expect(statSync(path).mode & 0o077).toBe(0);
  });
});
