import { describe, expect, it } from "vitest";
import { VirtualClock } from "../../../kernel/virtual-clock.ts";
import { AdapterSession } from "./adapter-session.ts";
import { VirtualBus } from "./virtual-bus.ts";

function world() {
  const clock = new VirtualClock();
  const bus = new VirtualBus({ clock });
  const adapter = () => {
    let text = "";
    let hasRoom = true;
    const session = new AdapterSession({
      bus,
      monotonicMs: () => clock.monotonicMs(),
      write: (each) => {
        text += each;
        return hasRoom;
      },
    });
    return {
      session,
      say: (lines: string) => session.read(new TextEncoder().encode(lines)),
      /** What it said since, with | for the end of a line and ! for BEL. */
      said: () => {
        const now = text.replaceAll("\r", "|").replaceAll("\x07", "!");
        text = "";
        return now;
      },
      slow: () => {
        hasRoom = false;
      },
      fast: () => {
        hasRoom = true;
        session.drained();
      },
    };
  };
  return { clock, bus, adapter };
}

describe("an adapter that is used wrongly", () => {
  it("answers BEL to what is no line, what comes too early and what comes twice", () => {
    const { adapter } = world();
    const one = adapter();
    one.say("hello\rO\rt1000\rC\rF\r");
    expect(one.said()).toBe("!!!!!");
    one.say("S9\rS6\rO\rO\rS5\r");
    expect(one.said()).toBe("!||!!");
    one.say("t10\rr1000\rT200000000\r");
    expect(one.said()).toBe("!!!");
    one.say("C\rt1000\r");
    expect(one.said()).toBe("|!");
  });

  it("says BEL of a frame that nobody acknowledged, and shows it in its status once", () => {
    const { clock, adapter } = world();
    const one = adapter();
    one.say("S6\rO\rt1000\r");
    clock.advanceSync(100);
    expect(one.said()).toBe("||!");
    one.say("F\rF\r");
    expect(one.said()).toBe("F80|F00|");
  });

  it("in bus-off refuses everything and says so, until C and O", () => {
    const { clock, adapter } = world();
    const [one, other, wrong] = [adapter(), adapter(), adapter()];
    one.say("S6\rO\r");
    other.say("S6\rO\r");
    wrong.say("S5\rO\r");
    wrong.said();
    wrong.say("t1000\r");
    clock.advanceSync(50);
    wrong.say("t1000\rF\r");
    expect(wrong.said()).toMatch(/^!!F[9B][0-9A-F]\|$/);
    wrong.say("C\rS6\rO\rt1000\r");
    clock.advanceSync(50);
    expect(wrong.said()).toBe("|||z|");
    expect(one.said()).toContain("t1000|");
  });

  it("a program that doesn't read loses received frames, is told in the status, and gets later ones", () => {
    const { clock, adapter } = world();
    const [one, two] = [adapter(), adapter()];
    one.say("S6\rO\r");
    two.say("S6\rO\r");
    two.said();
    two.slow();
    one.say("t1000\rt1010\rt1020\r");
    clock.advanceSync(5);
    expect(two.said()).toBe("t1000|");
    two.fast();
    one.say("t1030\r");
    clock.advanceSync(5);
    expect(two.said()).toBe("t1030|");
    two.say("F\r");
    expect(two.said()).toBe("F09|");
  });

  it("refuses a frame more than its queue holds", () => {
    const { clock, adapter } = world();
    const one = adapter();
    one.say(`S6\rO\r${"t1000\r".repeat(33)}F\r`);
    expect(one.said()).toBe("||!F02|");
    clock.advanceSync(5000);
    expect(one.said()).toBe("!".repeat(32));
  });
});

describe("an adapter", () => {
  it("answers a frame when it was acknowledged, 11 bits with z and 29 bits with Z", () => {
    const { clock, adapter } = world();
    const [one, two] = [adapter(), adapter()];
    one.say("C\rS6\rO\r");
    two.say("S6\rO\r");
    one.said();
    two.said();
    one.say("t1012ABCD\rT1C00000128001\r");
    expect(one.said()).toBe("");
    clock.advanceSync(5);
    expect(one.said()).toBe("z|Z|");
    expect(two.said()).toBe("t1012ABCD|T1C00000128001|");
    two.say("V\rN\r\rF\r");
    expect(two.said()).toBe("V1013|NCX01||F00|");
  });

  it("stamps received frames where asked to", () => {
    const { clock, adapter } = world();
    const [one, two] = [adapter(), adapter()];
    one.say("S6\rO\r");
    two.say("Z1\rS6\rO\r");
    two.said();
    clock.advanceSync(61_000);
    one.say("t1000\r");
    clock.advanceSync(5);
    expect(two.said()).toBe("t100003E8|");
  });

  it("leaves the bus with its program", () => {
    const { bus, adapter } = world();
    const one = adapter();
    one.say("S6\rO\r");
    expect(bus.members).toBe(1);
    one.session.end();
    expect(bus.members).toBe(0);
  });
});
