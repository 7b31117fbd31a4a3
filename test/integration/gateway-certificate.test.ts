import { X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "node:tls";
import { expect, onTestFinished, test } from "vitest";
import { CanHub } from "../../gateway/adapters/can/can-hub.ts";
import { gatewaySettings } from "../../gateway/settings.ts";
import { startGateway } from "../../gateway/start-gateway.ts";
import { silentLog } from "../../kernel/log.ts";
import { gatewayNames, loadSettings } from "../../kernel/settings-load.ts";
import { systemClock } from "../../kernel/system/system-clock.ts";
import { systemEntropy } from "../../kernel/system/system-entropy.ts";
import { soon } from "./manager-harness.ts";

/** The certificate that a client is shown there. */
function shownAt(url: string): Promise<X509Certificate> {
  const { hostname: host, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port: Number(port), rejectUnauthorized: false }, () => {
      const { raw } = socket.getPeerCertificate();
      socket.destroy();
      resolve(new X509Certificate(raw));
    });
    socket.once("error", reject);
  });
}

test("a gateway that got another address shows a certificate for it, without a restart, at its app and at its broker", async () => {
  const folder = mkdtempSync(join(tmpdir(), "coxswain-certificate-"));
  const hub = new CanHub({ clock: systemClock, log: silentLog, at: { host: "127.0.0.1", port: 0 } });
  await hub.start();
  const flags = {
    dataDir: folder,
    can: hub.address(),
    "http.port": "0",
    "https.port": "0",
    "mqtt.port": "0",
    "mqtts.port": "0",
  };
  const loaded = loadSettings(gatewaySettings, {
    ...{ environment: {}, flags: new Map<string, string | boolean>(Object.entries(flags)), program: gatewayNames },
  });
  if (!loaded.ok) throw new Error(loaded.problems.map(({ message }) => message).join("\n"));
  let hosts = ["localhost", "127.0.0.1", "192.168.1.5"];
  const gateway = await startGateway({
    ...{ settings: loaded.settings, clock: systemClock, entropy: systemEntropy, log: silentLog, hosts: () => hosts },
  });
  onTestFinished(async () => {
    expect(await gateway.stop()).toEqual([]);
    await hub.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  const { appTls, mqtts } = gateway.urls;
  const first = await shownAt(appTls);
  expect([first.checkIP("192.168.1.5"), first.checkIP("192.168.1.77")]).toEqual(["192.168.1.5", undefined]);
  hosts = ["localhost", "127.0.0.1", "192.168.1.77"];
  await soon(
    async () => (await shownAt(appTls)).checkIP("192.168.1.77"),
    (address) => address !== undefined,
  );
  expect((await shownAt(mqtts)).checkIP("192.168.1.77")).toBe("192.168.1.77");
  // The household's CA is the same: phones needn't trust another.
  expect((await shownAt(appTls)).issuer).toBe(first.issuer);
}, 60_000);
