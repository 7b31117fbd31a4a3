/**
 * Where the suffixes of `bytes` begin, in the order of the suffixes, a shorter one first. Prefix doubling with counting sorts: about
 * a second and 20 bytes of memory for each of a million bytes. `onRound` is told how many bytes decide the order so far.
 */
export function suffixArray(bytes: Uint8Array, onRound?: (decided: number) => void): Int32Array {
  const size = bytes.length;
  let order = new Int32Array(size);
  const spare = new Int32Array(size);
  let rank = new Int32Array(size);
  let nextRank = new Int32Array(size);
  const count = new Int32Array(Math.max(size, 256) + 1);
  for (let i = 0; i < size; i++) rank[i] = bytes[i]!;
  for (let i = 0; i < size; i++) spare[i] = i;
  sortByRank(spare, order, rank, count, 256);
  let groups = renumber(order, rank, nextRank, 0);
  [rank, nextRank] = [nextRank, rank];
  for (let length = 1; groups < size; length *= 2) {
    onRound?.(length);
    // By what comes `length` later, which the last round sorted: those without anything there are the least.
    let filled = 0;
    for (let i = Math.max(0, size - length); i < size; i++) spare[filled++] = i;
    for (let i = 0; i < size; i++) if (order[i]! >= length) spare[filled++] = order[i]! - length;
    // And then by what they begin with, which keeps that order among equals.
    const unsorted = order;
    order = sortByRank(spare, unsorted, rank, count, groups);
    groups = renumber(order, rank, nextRank, length);
    [rank, nextRank] = [nextRank, rank];
  }
  return order;
}

function sortByRank(
  from: Int32Array,
  to: Int32Array<ArrayBuffer>,
  rank: Int32Array,
  count: Int32Array,
  ranks: number,
): Int32Array<ArrayBuffer> {
  count.fill(0, 0, ranks + 1);
  for (const place of from) count[rank[place]! + 1]!++;
  for (let i = 1; i <= ranks; i++) count[i]! += count[i - 1]!;
  for (const place of from) to[count[rank[place]!]!++] = place;
  return to;
}

/** Equal ranks for suffixes that are equal in twice `length` bytes; returns how many ranks there are. */
function renumber(order: Int32Array, rank: Int32Array, next: Int32Array, length: number): number {
  let groups = 0;
  const size = order.length;
  for (let i = 0; i < size; i++) {
    const place = order[i]!;
    if (i > 0) {
      const before = order[i - 1]!;
      const isEqual = rank[place] === rank[before] && behind(place) === behind(before);
      if (!isEqual) groups++;
    }
    next[place] = groups;
  }
  return size === 0 ? 0 : groups + 1;

  function behind(place: number): number {
    if (length === 0) return 0;
    return place + length < size ? rank[place + length]! : -1;
  }
}
