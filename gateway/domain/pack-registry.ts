import type {
  CanMessage,
  ErrorReport,
  PackError,
  TotalsBattery,
  TotalsGrid,
  TotalsSolarHome,
} from "../../schemas/generated/can.ts";
import { type HardwareNumber, hardwareNumber } from "../../schemas/wire/site-topics.ts";
import type { PackFacts } from "./pack-facts.ts";
import { type PackFirmware, unknownFirmware, withFirmware } from "./pack-firmware.ts";

/** A pack that said nothing for so long is dropped: it counts nowhere until it is heard again (energy-site, section 8). */
export const packSilentMs = 120_000;
/** What a pack reports holds for so long after it last did; some of it ends sooner, when a frame says the opposite. */
export const errorHeldMs = 600_000;

/** Packs that are remembered, silent ones too; for one more the one that has been silent longest is forgotten. 32 can be online at once. */
export const packsMax = 64;

export type PackChange = "presence" | "firmware" | "state";

/** When something was heard: on the clock that never jumps, and for people. */
export interface Moment {
  readonly monotonicMs: number;
  readonly wallMs: number;
}

/** A frame kind's newest of one pack, and when it came. */
type Newest = { -readonly [K in "state" | "battery" | "power" | "loads" | "alarms" | "settings"]?: PackFacts[K] };

export interface KnownError {
  readonly error: PackError;
  readonly detail: number;
  readonly first: Moment;
  readonly last: Moment;
}

/** The master's own sums, page by page as they come. */
export interface MasterTotals {
  readonly battery?: TotalsBattery;
  readonly solarHome?: TotalsSolarHome;
  readonly grid?: TotalsGrid;
  readonly at: Moment;
}

interface Pack {
  readonly hardware: HardwareNumber;
  canNode: number;
  readonly newest: Newest;
  firmware: PackFirmware;
  /** Of any of its frames; undefined: it was only told of, by what was stored. */
  heard: Moment | undefined;
  /** Of its power, or of its battery where power never came. */
  telemetry: Moment | undefined;
  isSilent: boolean;
  readonly errors: Map<PackError, KnownError>;
}

/**
 * What the gateway knows of each pack: a pack is its hardware number, which it says with its telemetry; a CAN node id is only where it
 * is heard today. Frames of a node whose hardware isn't known yet wait for it. Pure: time comes with each call.
 */
export class PackRegistry {
  readonly #packs = new Map<HardwareNumber, Pack>();
  readonly #byNode: (Pack | undefined)[] = [];
  /** Frames of nodes that haven't said who they are, the newest of each kind. */
  readonly #unknown = new Map<number, Map<string, CanMessage>>();
  #totals: (MasterTotals & { readonly node: number }) | undefined;

  /** What a frame changed; nothing for one that says nothing of a pack. */
  take(message: CanMessage, at: Moment): readonly { readonly pack: HardwareNumber; readonly what: PackChange }[] {
    if (!("node" in message)) return [];
    const { node } = message;
    if (message.frame === "PackMac") return this.#bind(node, hardwareNumber(message.mac), at);
    const pack = this.#byNode[node];
    if (pack === undefined) {
      const waiting = this.#unknown.get(node) ?? new Map<string, CanMessage>();
      this.#unknown.set(node, waiting.set(message.frame, message));
      return [];
    }
    const changes = this.#heard(pack, at);
    const what = this.#apply(pack, message, at);
    return what === undefined ? changes : [...changes, { pack: pack.hardware, what }];
  }

  /** Drops who fell silent; the regular look. */
  look(at: Moment): readonly { readonly pack: HardwareNumber; readonly what: PackChange }[] {
    const changes: { pack: HardwareNumber; what: PackChange }[] = [];
    for (const pack of this.#packs.values()) {
      const isSilent = pack.heard === undefined || at.monotonicMs - pack.heard.monotonicMs >= packSilentMs;
      if (isSilent && !pack.isSilent) {
        pack.isSilent = true;
        changes.push({ pack: pack.hardware, what: "presence" });
      }
      for (const [error, known] of pack.errors)
        if (at.monotonicMs - known.last.monotonicMs >= errorHeldMs) {
          pack.errors.delete(error);
          changes.push({ pack: pack.hardware, what: "state" });
        }
    }
    return changes;
  }

  list(): readonly HardwareNumber[] {
    return [...this.#packs.keys()];
  }

  find(hardware: HardwareNumber): PackFacts | undefined {
    const pack = this.#packs.get(hardware);
    return (
      pack && {
        hardware,
        canNode: pack.canNode,
        isSilent: pack.isSilent,
        heardAtMs: pack.telemetry?.wallMs,
        firmware: pack.firmware,
        ...pack.newest,
      }
    );
  }

  /** When its telemetry came; undefined: not since the start. */
  telemetryAt(hardware: HardwareNumber): Moment | undefined {
    return this.#packs.get(hardware)?.telemetry;
  }

  errorsOf(hardware: HardwareNumber): readonly KnownError[] {
    return [...(this.#packs.get(hardware)?.errors.values() ?? [])];
  }

  /** Packs that count: heard within 120 s. */
  online(): readonly PackFacts[] {
    return this.list().flatMap((each) => {
      const facts = this.find(each)!;
      return facts.isSilent ? [] : [facts];
    });
  }

  /**
   * The pack that says it is the master. While one takes over from another both may say so: then the one that the election's rule puts
   * first (energy-site, section 8: type, MAC bytes 2 to 5 descending, node id).
   */
  master(): HardwareNumber | undefined {
    const claimed = this.online().filter(({ state }) => state?.isMaster === true);
    return claimed.toSorted(electionOrder)[0]?.hardware;
  }

  /** How many say that they are the master. */
  masters(): number {
    return this.online().filter(({ state }) => state?.isMaster === true).length;
  }

  /** The sums that the present master sent. */
  masterTotals(): MasterTotals | undefined {
    const master = this.master();
    const node = master && this.#packs.get(master)?.canNode;
    return this.#totals !== undefined && this.#totals.node === node ? this.#totals : undefined;
  }

  #bind(node: number, hardware: HardwareNumber, at: Moment): { pack: HardwareNumber; what: PackChange }[] {
    const before = this.#byNode[node];
    if (before !== undefined && before.hardware !== hardware) this.#byNode[node] = undefined;
    let pack = this.#packs.get(hardware);
    const isNew = pack === undefined;
    if (pack === undefined) {
      pack = {
        ...{ hardware, canNode: node, newest: {}, firmware: unknownFirmware, errors: new Map() },
        ...{ heard: undefined, telemetry: undefined, isSilent: true },
      };
      this.#makeRoom();
      this.#packs.set(hardware, pack);
    } else if (pack.canNode !== node && this.#byNode[pack.canNode] === pack) {
      // It moved to another node id.
      this.#byNode[pack.canNode] = undefined;
    }
    pack.canNode = node;
    this.#byNode[node] = pack;
    const changes = this.#heard(pack, at);
    const waiting = this.#unknown.get(node);
    this.#unknown.delete(node);
    // What another pack said under this node id is not this one's.
    if (before === undefined) for (const message of waiting?.values() ?? []) this.#apply(pack, message, at);
    return isNew && changes.length === 0 ? [{ pack: hardware, what: "presence" }] : changes;
  }

  /** Never one that a node id leads to: there are fewer node ids than packs. */
  #makeRoom(): void {
    if (this.#packs.size < packsMax) return;
    const idle = [...this.#packs.values()].filter((each) => this.#byNode[each.canNode] !== each);
    const silentSince = (pack: Pack): number => pack.heard?.monotonicMs ?? Number.NEGATIVE_INFINITY;
    const [oldest] = idle.sort((one, other) => silentSince(one) - silentSince(other));
    if (oldest !== undefined) this.#packs.delete(oldest.hardware);
  }

  #heard(pack: Pack, at: Moment): { pack: HardwareNumber; what: PackChange }[] {
    pack.heard = at;
    if (!pack.isSilent) return [];
    pack.isSilent = false;
    // It may lead no longer: another took over while it was silent, and it first has to say so itself.
    const { state } = pack.newest;
    if (state?.isMaster === true) pack.newest.state = { ...state, isMaster: false };
    return [{ pack: pack.hardware, what: "presence" }];
  }

  #apply(pack: Pack, message: CanMessage, at: Moment): PackChange | undefined {
    const { newest } = pack;
    switch (message.frame) {
      case "PackState": {
        const before = newest.state;
        newest.state = message;
        return before === undefined || isOtherState(before, message) ? "state" : undefined;
      }
      case "PackBattery": {
        const before = newest.battery?.bmsState;
        newest.battery = message;
        pack.telemetry ??= at;
        if (message.bmsState === "ok")
          for (const each of ["bms-silent", "bms-garbled"] as const) pack.errors.delete(each);
        return before === message.bmsState ? undefined : "state";
      }
      case "PackPower":
        newest.power = message;
        pack.telemetry = at;
        return undefined;
      case "PackLoads": {
        const before = newest.loads?.importLimitState;
        newest.loads = message;
        return before === message.importLimitState ? undefined : "state";
      }
      case "PackAlarms": {
        const before = newest.alarms;
        newest.alarms = message;
        const isSame = before?.alarms === message.alarms && before.warnings === message.warnings;
        return isSame ? undefined : "state";
      }
      case "PackSettings":
        newest.settings = message;
        return undefined;
      case "TotalsBattery":
        this.#total(pack, { battery: message }, at);
        return undefined;
      case "TotalsSolarHome":
        this.#total(pack, { solarHome: message }, at);
        return undefined;
      case "TotalsGrid":
        this.#total(pack, { grid: message }, at);
        return undefined;
      case "ErrorReport":
        return this.#error(pack, message, at);
      case "FirmwareState":
      case "FirmwareBoots":
      case "FirmwareLimits":
      case "FirmwareText":
      case "FirmwareDigest":
      case "FirmwareWanted": {
        const before = pack.firmware;
        pack.firmware = withFirmware(before, message);
        return pack.firmware === before ? undefined : "firmware";
      }
      default:
        return undefined;
    }
  }

  #total(pack: Pack, page: Partial<MasterTotals>, at: Moment): void {
    const before = this.#totals?.node === pack.canNode ? this.#totals : undefined;
    this.#totals = { ...before, ...page, node: pack.canNode, at };
  }

  #error(pack: Pack, { error, detail }: ErrorReport, at: Moment): PackChange | undefined {
    const before = pack.errors.get(error);
    pack.errors.set(error, { error, detail, first: before?.first ?? at, last: at });
    return before?.detail === detail ? undefined : "state";
  }
}

function isOtherState(one: NonNullable<PackFacts["state"]>, other: NonNullable<PackFacts["state"]>): boolean {
  return Object.entries(one).some(([name, value]) => other[name as keyof typeof other] !== value);
}

function electionOrder(one: PackFacts, other: PackFacts): number {
  const type = (facts: PackFacts): number => (facts.state?.deviceType === "energy-gateway" ? 0 : 1);
  const key = (facts: PackFacts): number => Number.parseInt(facts.hardware.slice(4), 16);
  return type(one) - type(other) || key(other) - key(one) || one.canNode - other.canNode;
}
