import { connect } from "node:net";
import type { ByteLink, ByteLinkEvents, OpenByteLink } from "./byte-link.ts";

const connectMs = 5000;

/** A line to an adapter behind a stream socket, as the virtual bus has them. */
export function socketLink(
  at: { readonly host: string; readonly port: number } | { readonly path: string },
): OpenByteLink {
  const where = "path" in at ? at.path : `${at.host}:${at.port}`;
  return (events: ByteLinkEvents) =>
    new Promise<ByteLink>((resolve, reject) => {
      const socket = connect("path" in at ? { path: at.path } : { host: at.host, port: at.port, noDelay: true });
      let isOpen = false;
      let isOver = false;
      let reason = "the other side closed the connection";
      socket.setTimeout(connectMs, () => socket.destroy(new Error("no answer")));
      socket.on("error", (error: NodeJS.ErrnoException) => {
        reason = error.code ?? error.message;
      });
      socket.on("connect", () => {
        isOpen = true;
        socket.setTimeout(0);
        resolve({
          write: (text) => void socket.write(text, "latin1"),
          close: () => {
            isOver = true;
            socket.destroy();
          },
        });
      });
      socket.on("data", (bytes: Uint8Array) => {
        if (!isOver) events.data(bytes);
      });
      socket.on("close", () => {
        if (!isOpen) reject(new Error(`There is no CAN bus at ${where} (${reason}). Is it running?`));
        else if (!isOver) events.closed(`The CAN bus at ${where} is gone (${reason}).`);
        isOver = true;
      });
    });
}
