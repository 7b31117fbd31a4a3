/** Topic names and filters (MQTT 3.1.1, section 4.7). */

/** How many levels; "a//b" has 3. */
export function levelCount(topic: string): number {
  let levels = 1;
  for (let i = 0; i < topic.length; i++) if (topic.charCodeAt(i) === 0x2f) levels++;
  return levels;
}

/** A name one may publish on: not empty, no wildcards, no control characters nor what bad UTF-8 was replaced by. */
export function isTopicName(topic: string): boolean {
  return isPrintable(topic) && !/[+#]/.test(topic);
}

/** A filter one may subscribe to: "+" and "#" stand alone in their level, "#" only in the last. */
export function isTopicFilter(filter: string): boolean {
  if (!isPrintable(filter)) return false;
  const levels = filter.split("/");
  return levels.every((level, i) => {
    if (level === "#") return i === levels.length - 1;
    return level === "+" || !/[+#]/.test(level);
  });
}

/** Whether a message on `topic` is for `filter`. Wildcards in the first level don't match names that begin with "$". */
export function filterMatches(filter: readonly string[], topic: readonly string[]): boolean {
  if (isHidden(filter, topic)) return false;
  for (let i = 0; i < filter.length; i++) {
    const level = filter[i];
    if (level === "#") return true;
    if (i >= topic.length || (level !== "+" && level !== topic[i])) return false;
    // "a/#" matches "a" itself.
    if (i === topic.length - 1) return filter.length === topic.length || isOnlyHashAfter(filter, i);
  }
  return false;
}

/** Whether every topic that matches `filter` matches `pattern` too: whether a right to `pattern` includes `filter`. */
export function filterCovers(pattern: readonly string[], filter: readonly string[]): boolean {
  if (isHidden(pattern, filter)) return false;
  for (let i = 0; i < pattern.length; i++) {
    const level = pattern[i];
    if (level === "#") return true;
    const asked = filter[i];
    if (asked === undefined || asked === "#" || (level !== "+" && level !== asked)) return false;
    if (i === filter.length - 1) return pattern.length === filter.length || isOnlyHashAfter(pattern, i);
  }
  return false;
}

function isPrintable(text: string): boolean {
  if (text.length === 0 || text.length > 65_535) return false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x20 || code === 0x7f || code === 0xfffd) return false;
  }
  return true;
}

function isHidden(filter: readonly string[], topic: readonly string[]): boolean {
  const isWild = filter[0] === "#" || filter[0] === "+";
  return isWild && (topic[0]?.startsWith("$") ?? false);
}

function isOnlyHashAfter(filter: readonly string[], at: number): boolean {
  return filter.length === at + 2 && filter[at + 1] === "#";
}
