import { existsSync, mkdirSync, renameSync } from "node:fs";
import { dirname, join } from "node:path";
import { root } from "./root.mjs";
import { runtimeNode } from "./runtime.mjs";

const folder = "node_modules/socketcan";
export const socketcanAddon = `${folder}/build/Release/can.node`;

/**
 * Compiles the addons of npm's `socketcan` where its own install script would put them: that script takes node-gyp and downloads
 * headers, and no install script runs here. npm leaves an optional package out where its own Node is too old for it, so it is asked again
 * under the Node that it brought. `command` runs a program with its words.
 */
export async function buildSocketcan(command) {
  if (process.platform !== "linux") throw new Error("SocketCAN is part of Linux: this system has none.");
  if (!existsSync(join(root, folder))) {
    const path = `PATH=${dirname(runtimeNode())}:${process.env.PATH}`;
    await command("env", [path, "npm", "install", "--no-save", "--no-audit", "--no-fund"]);
  }
  if (!existsSync(join(root, folder))) throw new Error("npm can't bring the package socketcan.");
  const headers = `node_modules/node-linux-${process.arch}/include/node`;
  mkdirSync(join(root, folder, "build/Release"), { recursive: true });
  for (const [source, addon] of [
    ["signals.cc", "can_signals.node"],
    ["can.cc", "can.node"],
  ]) {
    const result = `${folder}/build/Release/${addon}`;
    const fresh = `${result}.${process.pid}`;
    await command("g++", [
      ...[
        "-std=c++20",
        "-O2",
        "-shared",
        "-fPIC",
        "-fvisibility=hidden",
        "-Wl,-z,now",
        "-DNAPI_DISABLE_CPP_EXCEPTIONS",
      ],
      // Node-API only, so the addon stays good when Node changes.
      ...[`-DNODE_GYP_MODULE_NAME=${addon.replace(".node", "")}`, "-DBUILDING_NODE_EXTENSION"],
      ...[`-I${headers}`, "-Inode_modules/node-addon-api", "-o", fresh, `${folder}/native/${source}`],
    ]);
    renameSync(join(root, fresh), join(root, result));
  }
}
