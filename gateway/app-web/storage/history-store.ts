import { type HistoryPoint, keptMinutes } from "../model/day-history.ts";

const table = "minutes";

/** The day's points in IndexedDB, one row a minute. Without IndexedDB the history is as long as the page is open. */
export class HistoryStore {
  readonly #name: string;
  #opened: Promise<IDBDatabase> | undefined;

  constructor(site: string) {
    this.#name = `alfaspark-history-${site}`;
  }

  /** Oldest first; empty where nothing can be read. */
  async read(): Promise<HistoryPoint[]> {
    try {
      const database = await this.#open();
      return (await done(database.transaction(table).objectStore(table).getAll())) as HistoryPoint[];
    } catch {
      return [];
    }
  }

  /** Adds a point and forgets those that are older than is kept. */
  async add(point: HistoryPoint): Promise<void> {
    try {
      const rows = (await this.#open()).transaction(table, "readwrite").objectStore(table);
      const old = rows.delete(IDBKeyRange.upperBound(point.minute - keptMinutes));
      await Promise.all([done(rows.put(point)), done(old)]);
    } catch {
      // The point stays in memory.
    }
  }

  async drop(): Promise<void> {
    const opened = this.#opened;
    this.#opened = undefined;
    try {
      (await opened)?.close();
      await done(indexedDB.deleteDatabase(this.#name));
    } catch {
      // Then there was nothing.
    }
  }

  #open(): Promise<IDBDatabase> {
    this.#opened ??= openDatabase(this.#name);
    return this.#opened;
  }
}

async function openDatabase(name: string): Promise<IDBDatabase> {
  const request = indexedDB.open(name, 1);
  request.onupgradeneeded = () => request.result.createObjectStore(table, { keyPath: "minute" });
  return await done(request);
}

function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("IndexedDB failed"));
  });
}
