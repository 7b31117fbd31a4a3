import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { CoapEndpoint } from "../../coap/endpoint.ts";
import { dgramTransport } from "../../coap/transport/dgram.ts";
import { silentLog } from "../../kernel/log.ts";
import { seededEntropy } from "../../kernel/seeded-entropy.ts";
import { systemClock } from "../../kernel/system/system-clock.ts";
import { systemEntropy } from "../../kernel/system/system-entropy.ts";
import { cborFormat, encodeCbor, jsonFormat } from "../../schemas/wire/codec.ts";
import { type Program, startManager, startNode } from "../../tools/demo/programs.ts";
import { type OwnPorts, ownPorts } from "./own-ports.ts";

const seed = process.env["SEED"] ?? `${systemEntropy.uint32()}`;
const rounds = 50;
const inFlight = 16;

const folder = mkdtempSync(join(tmpdir(), "coxswain-kill-"));
const nodes: Program[] = [];
let ports: OwnPorts;
let endpoint: CoapEndpoint;
/** The one that runs, or ran last: a test that fails leaves none behind. */
let current: Program | undefined;

beforeAll(async () => {
  ports = await ownPorts();
  endpoint = new CoapEndpoint({
    transport: dgramTransport({ address: "127.0.0.1", port: 0 }),
    clock: systemClock,
    entropy: systemEntropy,
    log: silentLog,
  });
  await endpoint.start();
});

afterAll(async () => {
  await endpoint.stop();
  for (const node of nodes) await node.stop();
  await current?.stop();
  rmSync(folder, { recursive: true, force: true });
});

it(`keeps every answered change over ${rounds} kills at seeded moments (SEED=${seed})`, {
  timeout: 300_000,
}, async () => {
  console.log(`manager-kill: SEED=${seed}`);
  const entropy = seededEntropy(seed);
  const promised = new Map<string, string>();
  let digest = "";
  for (let round = 0; round <= rounds; round++) {
    const { program, urls } = await startManager(folder, { ports });
    current = program;
    if (round === 0) {
      digest = await upload(urls.http);
      for (const id of ["linux-1", "sensor-1"]) nodes.push(startRealNode(id));
    }
    await expectKept(promised, urls.http);
    promised.clear();
    if (round === rounds) {
      await expectRecovered(urls.http);
      await program.stop();
      break;
    }
    const stop = new AbortController();
    const work = Promise.all(
      Array.from({ length: inFlight }, (_, lane) => changeUntil(stop.signal, round, lane, digest, promised)),
    );
    await new Promise((resolve) => setTimeout(resolve, 5 + entropy.fraction() * 245));
    await program.cut();
    stop.abort(new Error("the manager was killed"));
    await work;
  }
});

/** One change after the other; what was answered is promised. Who is cut off in the middle was promised nothing. */
async function changeUntil(
  signal: AbortSignal,
  round: number,
  lane: number,
  digest: string,
  promised: Map<string, string>,
): Promise<void> {
  for (let number = 0; !signal.aborted; number++) {
    const id = `k${round}-${lane}-${number}`;
    const to = { address: "127.0.0.1", port: ports.coap };
    try {
      const isUpdate = number % 4 === 3;
      const version = `${round}.${lane}.${number}`;
      const response = await endpoint.request(
        isUpdate
          ? {
              ...{ to, method: "POST", path: ["updates"], contentFormat: jsonFormat, signal },
              payload: new TextEncoder().encode(
                JSON.stringify({ update_id: id, version, size: imageBytes.length, checksum: digest, target_nodes: [] }),
              ),
            }
          : {
              ...{ to, method: "POST", path: ["register"], contentFormat: cborFormat, signal },
              payload: encodeCbor("node-manifest", { id, model: "kill", version }),
            },
      );
      if (response.code >> 5 === 2) promised.set(`${isUpdate ? "updates" : "nodes"}/${id}`, version);
    } catch {
      // Killed before it answered.
    }
  }
}

async function expectKept(promised: ReadonlyMap<string, string>, http: string): Promise<void> {
  for (const [path, version] of promised) {
    const response = await fetch(`${http}/api/v1/${path}`);
    expect(response.status, `${path} was answered and is gone`).toBe(200);
    expect(await response.text()).toContain(`"version":"${version}"`);
  }
}

/** The real nodes find their way back alone. */
async function expectRecovered(http: string): Promise<void> {
  await expect
    .poll(
      async () => {
        const { nodes: all } = (await (await fetch(`${http}/api/v1/nodes?presence=online`)).json()) as {
          nodes: { id: string }[];
        };
        return all.map((each) => each.id).filter((id) => !id.startsWith("k"));
      },
      { timeout: 60_000, interval: 500 },
    )
    .toEqual(["linux-1", "sensor-1"]);
}

const imageBytes = new TextEncoder().encode("an image that nobody runs");

async function upload(http: string): Promise<string> {
  const hex = createHash("sha256").update(imageBytes).digest("hex");
  const response = await fetch(`${http}/api/v1/artifacts/${hex}`, {
    method: "PUT",
    headers: { "content-type": "application/octet-stream" },
    body: imageBytes,
  });
  expect(response.status).toBe(201);
  return `sha256:${hex}`;
}

function startRealNode(id: string): Program {
  const profile = id.startsWith("linux") ? "linux" : "sensor";
  return startNode({ id, profile, model: "kill", prefer: "http" }, ports.coap, folder);
}
