import { spawn } from "node:child_process";

/** Node can't open a pseudoterminal by itself; Python's standard library can. */
const bridge = `
import os, pty, select, socket, sys, tty
host, port = sys.argv[1].rsplit(":", 1)
hub = socket.create_connection((host, int(port)))
master, slave = pty.openpty()
tty.setraw(slave)
print(os.ttyname(slave), flush=True)
while True:
    ready, _, _ = select.select([master, hub], [], [])
    if master in ready:
        hub.sendall(os.read(master, 4096))
    if hub in ready:
        data = hub.recv(4096)
        if not data: break
        os.write(master, data)
`;

/** A pty that is a serial-line adapter on a hub (`tcp://host:port`): what a real one is to a program. */
export async function ptyOnHub(hub: string) {
  const process = spawn("python3", ["-c", bridge, new URL(hub).host], { stdio: ["ignore", "pipe", "inherit"] });
  const path = await new Promise<string>((resolve, reject) => {
    process.stdout.once("data", (text: Buffer) => resolve(text.toString().trim()));
    process.once("exit", () => reject(new Error("the pty ended")));
  });
  return { path, process, end: () => void process.kill("SIGKILL") };
}
