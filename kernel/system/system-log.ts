import { type Logger, pino } from "pino";
import type { Log, LogData } from "../log.ts";
import { loggable } from "./loggable.ts";

export type LogLevel = "debug" | "info" | "warn" | "error" | "silent";

export interface SystemLogOptions {
  level: LogLevel;
  /** One readable line an event instead of JSON. */
  pretty?: boolean;
  /** Where lines go; default: standard error, so that standard output stays free for what was asked for. */
  destination?: { write(line: string): void };
}

/** JSON lines `{"level","time","event",...data}` by pino; secrets in the data are redacted by the names of their keys. */
export function createSystemLog({ level, pretty = false, destination }: SystemLogOptions): Log {
  const sink = destination ?? pino.destination({ dest: 2, sync: true });
  const stream = pretty ? { write: (line: string) => sink.write(prettyLine(line)) } : sink;
  const logger = pino(
    {
      level,
      base: null,
      messageKey: "event",
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    stream,
  );
  return wrap(logger);
}

function wrap(logger: Logger): Log {
  const write = (level: "debug" | "info" | "warn" | "error", event: string, data: LogData | undefined): void => {
    if (!logger.isLevelEnabled(level)) return;
    if (data === undefined) logger[level](event);
    else logger[level](loggable(data), event);
  };
  return {
    debug: (event, data) => write("debug", event, data),
    info: (event, data) => write("info", event, data),
    warn: (event, data) => write("warn", event, data),
    error: (event, data) => write("error", event, data),
    with: (data) => wrap(logger.child(loggable(data) as Record<string, unknown>)),
  };
}

function prettyLine(line: string): string {
  const { level, time, event, ...data } = JSON.parse(line) as Record<string, unknown>;
  const pairs = Object.entries(data).map(
    ([key, value]) => ` ${key}=${typeof value === "string" ? value : JSON.stringify(value)}`,
  );
  return `${String(time).slice(11, 23)} ${String(level).toUpperCase().padEnd(5)} ${String(event)}${pairs.join("")}\n`;
}
