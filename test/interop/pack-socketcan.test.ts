import { join } from "node:path";
import { beforeAll, expect, it } from "vitest";
import { buildFolder, requireBuild } from "../integration/supervisor/supervised-node.ts";
import { runInLinux, whyNoLinux } from "./peers/user-mode-linux.ts";

const why = whyNoLinux();
if (why !== undefined) console.warn(`${why}: the tests on a real vcan are skipped.`);

beforeAll(requireBuild);

it.skipIf(why !== undefined)(
  "packs on a kernel's own CAN: can-utils hear and command them, and an interface that goes down and comes back costs nothing",
  async (test) => {
    const pack = join(buildFolder, "cxpack");
    const output = await runInLinux(`
until_line() { for i in $(seq 300); do grep -q "$2" "$1" && return; sleep 0.1; done; echo "no $2 in $1"; }
${pack} --can vcan0 --hardware 24a160000004 --state /run/a > /run/a.out 2> /dev/null &
until_line /run/a.out "^can down"
ip link set vcan0 up
until_line /run/a.out "^can up"
candump -L vcan0 > /run/dump &
${pack} --can vcan0 --hardware 24a160000025 --state /run/b > /run/b.out 2> /dev/null &
until_line /run/b.out "^role master"
cansend vcan0 201#7F010401
until_line /run/a.out "^modes backup"
until_line /run/b.out "^modes backup"
until_line /run/dump "28[0-9A-F]#010100"
ip link set vcan0 down
until_line /run/a.out "^can down: Network is down"
ip link set vcan0 up
for i in $(seq 300); do [ "$(grep -c "^can up" /run/a.out)" = 2 ] && break; sleep 0.1; done
echo "== a"; cat /run/a.out
echo "== b"; cat /run/b.out
echo "== dump"; cut -d" " -f3 /run/dump
`);
    if (output === undefined) {
      console.warn("user-mode Linux didn't boot here: the test on a real vcan is skipped.");
      test.skip();
      return;
    }
    expect(output).not.toMatch(/^no /m);
    const part = (name: string) => output.split(`== ${name}\n`)[1]?.split("\n== ")[0]?.split("\n") ?? [];
    expect(part("a").filter((line) => line.startsWith("can "))).toEqual([
      ...["can down: Network is down", "can up", "can down: Network is down", "can up"],
    ]);
    const frames = part("dump");
    expect(frames).toContain("1C000025#050124A160000025"); // the claim of a node id
    for (const node of [4, 5]) expect(frames).toContain(`${(0x280 + node).toString(16).toUpperCase()}#010100`);
    expect(frames).toContain("305#0501020560000025"); // the announce: node 5, an energy pack, 2.5
  },
);
