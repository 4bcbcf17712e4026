/** The level that is logged from, live: what an administrator set stands above the configuration, for a while or until it is taken back, also over a restart.
 *  Every process of this database hears of a change at once. */
import type { LogLevel } from '../contract/values.ts';
import { logLevels } from '../contract/values.ts';
import type { Clock } from '../kernel/clock.ts';
import { messageOf } from '../kernel/fail.ts';
import type { Logger } from '../kernel/log.ts';
import type { Database } from '../store/client.ts';
import type { Listen } from '../store/listen.ts';
import { LOG_LEVEL_CHANNEL, readLogLevel, writeLogLevel } from '../store/log-level.ts';

export interface LogLevelState {
  readonly level: LogLevel;
  readonly configured: LogLevel;
  /** When it goes back to the configured one; null: it does not by itself, or stands there. */
  readonly until: string | null;
}

export interface LogLevelControl {
  start(): Promise<void>;
  stop(): void;
  read(): LogLevelState;
  /** The configuration says another. */
  reconfigure(level: LogLevel): Promise<void>;
  /** Null: as configured. @param forMs null: until it is set again */
  set(level: LogLevel | null, forMs: number | null): Promise<LogLevelState>;
}

export function createLogLevel(parts: { readonly database: Database; readonly log: Logger; readonly clock: Clock; readonly listen: Listen }): LogLevelControl {
  const { database, log, clock } = parts;
  let configured = logLevels.find((one) => one === log.level) ?? 'info';
  let until: number | null = null;
  let cancel = (): void => undefined;
  let endListening = (): void => undefined;

  function apply(level: LogLevel, untilMs: number | null): void {
    cancel();
    cancel = () => undefined;
    until = untilMs;
    if (log.level !== level) {
      // Said at a level that is heard before or after.
      log.info({ from: log.level, to: level, until: untilMs === null ? null : new Date(untilMs).toISOString() }, 'the log level changes');
      log.level = level;
    }
    if (untilMs !== null) cancel = clock.after(Math.max(0, untilMs - clock.now()), () => apply(configured, null));
  }

  async function load(): Promise<void> {
    const stored = await readLogLevel(database.engine);
    const isOver = stored?.untilMs !== null && stored?.untilMs !== undefined && stored.untilMs <= clock.now();
    const level = logLevels.find((one) => one === stored?.level);
    apply(level === undefined || isOver ? configured : level, level === undefined || isOver ? null : (stored?.untilMs ?? null));
  }

  const read = (): LogLevelState => ({
    level: logLevels.find((one) => one === log.level) ?? configured,
    configured,
    until: until === null ? null : new Date(until).toISOString(),
  });
  return {
    async start() {
      endListening = parts.listen(LOG_LEVEL_CHANNEL, () => {
        load().catch((error: unknown) => log.warn({ cause: messageOf(error) }, 'a change of the log level could not be read'));
      });
      await load();
    },
    stop() {
      cancel();
      endListening();
    },
    read,
    async reconfigure(level) {
      configured = level;
      await load();
    },
    async set(level, forMs) {
      const now = clock.now();
      await writeLogLevel(database.engine, { level, untilMs: level === null || forMs === null ? null : now + forMs, now: new Date(now) });
      await load();
      return read();
    },
  };
}
