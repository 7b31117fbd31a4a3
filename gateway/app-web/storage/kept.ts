/** Small things that stay on the phone. A browser that keeps nothing (private mode, full) costs the memory, not the app. */
export function readKept(name: string): unknown {
  try {
    const text = localStorage.getItem(name);
    return text === null ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** False where the browser didn't take it. */
export function keep(name: string, value: unknown): boolean {
  try {
    localStorage.setItem(name, JSON.stringify(value));
    return true;
  } catch {
    return false;
  }
}

export function dropKept(name: string): void {
  try {
    localStorage.removeItem(name);
  } catch {
    // Then there was nothing.
  }
}
