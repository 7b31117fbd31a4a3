import { expect, it } from "vitest";
import { installSystemPackages } from "./system-packages.mjs";

const packages = [
  { package: "g++", isThere: () => false },
  { package: "curl", isThere: () => true },
  { package: "python3-venv", isThere: () => false },
];

async function install(place, wanted = packages) {
  const commands = [];
  const outcome = await installSystemPackages(wanted, (...words) => commands.push(words.flat().join(" ")), place).then(
    () => "installed",
    (error) => error.message,
  );
  return { outcome, commands };
}

it("names all that is missing in one message, with the command to give, when it may not install", async () => {
  const { outcome, commands } = await install({ isDebian: true, isRoot: false });
  expect(outcome).toContain("These system packages are missing: g++, python3-venv.");
  expect(outcome).toContain("sudo apt-get install g++ python3-venv");
  expect(commands).toEqual([]);
});

it("names them on another system too, and runs no command of Debian's there", async () => {
  const { outcome, commands } = await install({ isDebian: false, isRoot: true });
  expect(outcome).toContain("g++, python3-venv");
  expect(outcome).not.toContain("apt-get");
  expect(commands).toEqual([]);
});

it("installs what is missing, and only that, as root on Debian", async () => {
  const { outcome, commands } = await install({ isDebian: true, isRoot: true });
  expect(outcome).toBe("installed");
  expect(commands).toEqual(["apt-get update", "apt-get install -y --no-install-recommends g++ python3-venv"]);
});

it("asks for nothing when all is there", async () => {
  expect(await install({ isDebian: true, isRoot: false }, [packages[1]])).toEqual({
    outcome: "installed",
    commands: [],
  });
});
