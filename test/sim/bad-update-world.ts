import { vi } from "vitest";
import { MemoryNetwork } from "../../coap/transport/memory.ts";
import { silentLog } from "../../kernel/log.ts";
import { seededEntropy } from "../../kernel/seeded-entropy.ts";
import { VirtualClock } from "../../kernel/virtual-clock.ts";
import type { ManagerApp } from "../../manager/app/api/manager-app.ts";
import { UpdateEnvelopes } from "../../manager/app/update-envelopes.ts";
import type { Artifacts } from "../../manager/ports/artifacts.ts";
import type { UpdateManifest } from "../../schemas/wire/suit/update-manifest.ts";
import { envelopeOf } from "../integration/signed-envelope.ts";
import { anchorBytes, keys, names } from "../vectors/update-manifest-world.ts";
import { type CoreLibrary, simulatedImage } from "./core.ts";
import { digestOf, simArtifacts } from "./sim-artifacts.ts";
import { twinDisk } from "./sim-disk.ts";
import { managerAddress, managerPorts, SimManager } from "./sim-manager.ts";
import { SimNode } from "./sim-node.ts";

const by = { kind: "operator", id: "test" } as const;
/** Where `hal_sim` has the images of 256 KiB: behind the storage, each behind its slot's journal. */
const imageStart = { a: 9 * 4096, b: 36 * 4096 } as const;
const imageBytes = 9000;
const limitMs = 30 * 60_000;

export const factory = simulatedImage("1.0.0", imageBytes);
export const newImage = simulatedImage("2.0.0", 30_000);

/** What is signed and uploaded, in order, and which of it the node is asked to install. */
export interface SignedUpdate {
  readonly id: string;
  readonly image: Uint8Array;
  readonly sequence: number;
  /** What the manifest says otherwise than "the full image". */
  readonly over?: Partial<UpdateManifest>;
}

/** How the way between who signed and the node is spoilt; nothing here can be had by an upload. */
export interface Spoilt {
  /** What a node gets for an envelope that was checked at its upload. */
  envelope?: (honest: Uint8Array) => Uint8Array;
  /** What is read of an artifact, from `offset` on. */
  artifact?: (honest: Uint8Array, offset: number) => Uint8Array;
}

/** One compiled node and the whole manager on one clock, between them whatever a test spoils. */
export class BadUpdateWorld {
  readonly clock = new VirtualClock();
  readonly node: SimNode;
  readonly spoilt: Spoilt = {};
  readonly #manager: SimManager;

  constructor(library: CoreLibrary, payloads: readonly Uint8Array[]) {
    const { clock } = this;
    const network = new MemoryNetwork({ clock, entropy: seededEntropy("bad/network") });
    this.#manager = new SimManager({
      ...{ clock, network, log: silentLog, vendor: names.domain, artifacts: this.#artifacts(payloads) },
      ...{ entropy: seededEntropy("bad/manager"), disk: twinDisk(seededEntropy("bad/disk")) },
      onEvent: () => undefined,
      onDatagram: () => undefined,
    });
    this.node = new SimNode({
      ...{ library, network, clock, address: "127.0.1.1", image: factory, entropy: seededEntropy("bad/node") },
      core: {
        ...{ id: names.node, model: names.model, vendor: names.domain, anchors: anchorBytes, prefer: "coap" },
        downloadRate: 4000,
        manager: { address: managerAddress, port: managerPorts.coap },
      },
    });
    // Whoever has the manager can answer what they like; its own upload would have refused it.
    const spoilt = this.spoilt;
    const honest = UpdateEnvelopes.prototype.forNodes;
    vi.spyOn(UpdateEnvelopes.prototype, "forNodes").mockImplementation(async function (this: UpdateEnvelopes, update) {
      const envelope = await honest.call(this, update);
      return envelope && (spoilt.envelope?.(envelope) ?? envelope);
    });
  }

  async begin(): Promise<void> {
    void this.#manager.start();
    await this.clock.advance(1000);
    for (const name of ["vendor", "second"] as const)
      await this.#wait(this.#app.anchors.add({ name, ...keys[name].signer.anchor }, by));
  }

  async end(): Promise<void> {
    vi.restoreAllMocks();
    this.#manager.kill();
    await this.node.powerOff();
  }

  async upload({ id, image, sequence, over }: SignedUpdate): Promise<void> {
    const about = aboutOf({ id, image, sequence });
    const envelope = await this.envelopeOf({ id, image, sequence, ...(over && { over }) });
    const outcome = await this.#wait(this.#app.updates.create({ id, ...about }, by, envelope));
    if (outcome.kind !== "created") throw new Error(`${id} is ${JSON.stringify(outcome)}`);
  }

  /** As it is sent to nodes. */
  async envelopeOf({ over, ...update }: SignedUpdate): Promise<Uint8Array> {
    return await envelopeOf(aboutOf(update), over);
  }

  async register(): Promise<void> {
    await this.node.powerOn();
    await this.#until(() => this.node.isOn && this.node.status.isRegistered);
  }

  async start(update: string): Promise<void> {
    const outcome = await this.#wait(this.#app.updates.start(update, [names.node], by));
    if (outcome.kind !== "started" || outcome.nodes[0]?.outcome.kind === "refused")
      throw new Error(`${update} isn't started: ${JSON.stringify(outcome)}`);
  }

  /** The attempt as the manager has it, once it is over. */
  async attemptAt(update: string): Promise<{ readonly state: string; readonly reason: string | undefined }> {
    const find = () => this.#app.attempts.find(update, names.node)?.attempt;
    const ends = new Set<string | undefined>(["succeeded", "failed", "rolled-back", "cancelled", "expired"]);
    await this.#until(() => ends.has(find()?.state));
    const attempt = find();
    return { state: attempt?.state ?? "none", reason: attempt?.reason };
  }

  /** Until the node has fetched this share of what it fetches. */
  async downloaded(percent: number): Promise<void> {
    await this.#until(() => this.node.isOn && this.node.status.attemptPercent >= percent);
  }

  /** The bytes of the image that runs, each of which has as many. */
  runningBytes(): Uint8Array {
    const start = imageStart[this.node.status.slot];
    return this.node.flash.slice(start, start + imageBytes);
  }

  get #app(): ManagerApp {
    const { app } = this.#manager;
    if (app === undefined) throw new Error("the manager doesn't run");
    return app;
  }

  #artifacts(payloads: readonly Uint8Array[]): Artifacts {
    const honest = simArtifacts(payloads);
    return {
      ...honest,
      open: (digest) => {
        const file = honest.open(digest);
        if (file === undefined) return undefined;
        return {
          ...file,
          read: async (offset, length) => {
            const bytes = await file.read(offset, length);
            return this.spoilt.artifact?.(bytes, offset) ?? bytes;
          },
        };
      },
    };
  }

  async #until(isSo: () => boolean): Promise<void> {
    for (let passedMs = 0; !isSo(); passedMs += 500) {
      if (passedMs > limitMs) throw new Error("it never came to that");
      await this.clock.advance(500);
    }
  }

  async #wait<T>(promise: Promise<T>): Promise<T> {
    let answer: { readonly value: T } | undefined;
    void promise.then((value) => {
      answer = { value };
    });
    for (let i = 0; i < 1000 && answer === undefined; i++) await this.clock.advance(10);
    return answer?.value ?? (await promise);
  }
}

function aboutOf({ id, image, sequence }: SignedUpdate) {
  return { digest: digestOf(image), size: image.length, model: names.model, version: id, sequence };
}
