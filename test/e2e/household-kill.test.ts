import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectAsync } from "mqtt";
import { expect, onTestFinished, test } from "vitest";
import type { SiteInvitation } from "../../schemas/generated/types.ts";
import { phoneUser } from "../../schemas/wire/site-users.ts";
import { RealManager } from "./real-manager.ts";

test("a phone that was said to be invited comes in after the manager was killed, and one that was said to be removed doesn't", async () => {
  const folder = mkdtempSync(join(tmpdir(), "coxswain-household-kill-"));
  const manager = await RealManager.start(folder);
  onTestFinished(async () => {
    await manager.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  const api = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    const response = await fetch(`${manager.urls.http}/api/v1/sites${path}`, {
      method,
      ...(body !== undefined && { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
    });
    expect(response.ok, `${method} ${path}: ${response.status}`).toBe(true);
    return (await response.json()) as T;
  };
  const comesIn = async ({ phone, serverPassword = "" }: SiteInvitation): Promise<boolean> => {
    const user = phoneUser("home-1", phone);
    const client = await connectAsync(manager.urls.mqtt, {
      ...{ clientId: user, username: user, password: serverPassword, reconnectPeriod: 0 },
    }).catch((error: { code?: number }) => {
      // Refused, and not for another reason.
      expect(error.code).toBe(4);
      return undefined;
    });
    await client?.endAsync(true);
    return client !== undefined;
  };
  const invite = async (name: string): Promise<SiteInvitation> =>
    (await api<{ invitation: SiteInvitation }>("POST", "/home-1/phones", { name })).invitation;

  await api("POST", "", { site: "home-1" });
  const kept: SiteInvitation[] = [];
  const gone: SiteInvitation[] = [];
  for (let kill = 0; kill < 4; kill++) {
    kept.push(await invite(`kept ${kill}`));
    gone.push(await invite(`gone ${kill}`));
    await api("DELETE", `/home-1/phones/${encodeURIComponent(`gone ${kill}`)}`);
    await manager.kill();
    await manager.startAgain();
    for (const each of kept) expect(await comesIn(each), `kept after kill ${kill}`).toBe(true);
    for (const each of gone) expect(await comesIn(each), `gone after kill ${kill}`).toBe(false);
  }
}, 180_000);
