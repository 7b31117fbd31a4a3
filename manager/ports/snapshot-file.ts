/** A small file written whole and atomically: the snapshot of the last-seen columns. */
export interface SnapshotFile {
  /** Undefined when there is none or it is unreadable (which is logged, and costs only the ages). */
  read(): Promise<Uint8Array | undefined>;
  write(bytes: Uint8Array): Promise<void>;
}
