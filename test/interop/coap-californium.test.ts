import { existsSync } from "node:fs";
import { describePeer } from "./peers/peer-suite.ts";
import { SteeredPeer } from "./peers/steered-peer.ts";

const folder = ".setup/peers/californium";
const classes = `${folder}/classes`;

describePeer("Californium", existsSync(`${classes}/CaliforniumPeer.class`), () => {
  // One small JVM for all: the first tier of its compiler alone starts faster.
  return new SteeredPeer("java", ["-XX:TieredStopAtLevel=1", "-cp", `${classes}:${folder}/*`, "CaliforniumPeer"]);
});
