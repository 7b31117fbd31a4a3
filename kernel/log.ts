/** Structured log. A line is an event name in kebab-case and its data; secrets never enter the data. */
export interface Log {
  debug(event: string, data?: LogData): void;
  info(event: string, data?: LogData): void;
  warn(event: string, data?: LogData): void;
  error(event: string, data?: LogData): void;
  /** A log whose lines all carry `data`. */
  with(data: LogData): Log;
}

export type LogData = Readonly<Record<string, unknown>>;

export const silentLog: Log = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  with() {
    return silentLog;
  },
};
