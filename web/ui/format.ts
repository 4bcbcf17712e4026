/** Figures as people read them: bytes, durations, times, counts. Pure. Zones and locales are the browser's, unless given. */

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const;

/** `0 B`, `999 B`, `1.0 KiB`, `12 GiB`: two digits at least once it is not bytes. */
export function formatBytes(bytes: number): string {
  let value = Math.abs(bytes);
  let unit = 0;
  while (value >= 1_023.5 && unit < UNITS.length - 1) {
    value /= 1_024;
    unit += 1;
  }
  const figure = unit === 0 || value >= 9.95 ? Math.round(value).toString() : value.toFixed(1);
  return `${bytes < 0 ? '−' : ''}${figure} ${UNITS[unit] ?? 'B'}`;
}

/** A latency: `0.4 ms`, `13 ms`. */
export function formatMs(ms: number): string {
  return `${ms < 9.95 ? ms.toFixed(1) : Math.round(ms)} ms`;
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** `340 ms`, `2.4 s`, `1 m 05 s`, `2 h 03 m`, `3 d 04 h`. */
export function formatDuration(durationMs: number): string {
  const ms = Math.max(0, Math.round(durationMs));
  if (ms < SECOND) return `${ms} ms`;
  // Below: 59.95 s would round to "60.0 s".
  if (ms < 10 * SECOND - 50) return `${(ms / SECOND).toFixed(1)} s`;
  const seconds = Math.round(ms / SECOND);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} m ${two(seconds % 60)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 1_440) return `${Math.floor(minutes / 60)} h ${two(minutes % 60)} m`;
  const hours = Math.floor(minutes / 60);
  return `${Math.floor(hours / 24)} d ${two(hours % 24)} h`;
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}

/** `now`, `12 s ago`, `5 m ago`, `3 h ago`, `2 d ago`, later the date; `in 5 m` for what is to come. */
export function formatRelative(at: number, now: number, locale?: string): string {
  const delta = now - at;
  const away = Math.abs(delta);
  if (away < 5 * SECOND) return 'now';
  if (away >= 30 * DAY) return new Intl.DateTimeFormat(locale, { year: 'numeric', month: 'short', day: 'numeric' }).format(at);
  const figure =
    away < MINUTE
      ? `${Math.floor(away / SECOND)} s`
      : away < HOUR
        ? `${Math.floor(away / MINUTE)} m`
        : away < DAY
          ? `${Math.floor(away / HOUR)} h`
          : `${Math.floor(away / DAY)} d`;
  return delta >= 0 ? `${figure} ago` : `in ${figure}`;
}

/** Date, time to the second and zone, in the reader's own zone unless given. */
export function formatAbsolute(at: number, options: { readonly locale?: string; readonly timeZone?: string } = {}): string {
  return new Intl.DateTimeFormat(options.locale, {
    year: 'numeric',
    month: 'short',
    day: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    timeZoneName: 'short',
    ...(options.timeZone === undefined ? {} : { timeZone: options.timeZone }),
  }).format(at);
}

/** `1 file`, `3 files`, `1,204 files`. */
export function formatCount(count: number, one: string, many: string = `${one}s`): string {
  return `${formatNumber(count)} ${count === 1 ? one : many}`;
}

/** Of a list of which a part was read: `3 files`, `200+ files`. */
export function formatRead(count: number, hasMore: boolean, one: string): string {
  return hasMore ? `${formatNumber(count)}+ ${one}s` : formatCount(count, one);
}

export function formatNumber(value: number): string {
  return new Intl.NumberFormat('en').format(value);
}

/** A count in little space: `940`, `1.2k`, `34k`, `5.1M`. */
export function formatShort(value: number): string {
  if (value < 1_000) return String(value);
  const [size, unit] = value < 999_500 ? [1_000, 'k'] : [1_000_000, 'M'];
  const figure = value / size;
  return `${figure < 9.95 ? figure.toFixed(1) : Math.round(figure)}${unit}`;
}

/** `0 %`, `0.4 %`, `42 %`. */
export function formatPercent(fraction: number): string {
  const percent = fraction * 100;
  return `${percent > 0 && percent < 1 ? percent.toFixed(1) : Math.round(percent)} %`;
}

/** An amount in a currency (ISO 4217), with four digits where it is less than one. */
export function formatMoney(amount: number, currency: string): string {
  return new Intl.NumberFormat(undefined, { style: 'currency', currency, maximumFractionDigits: amount !== 0 && amount < 1 ? 4 : 2 }).format(amount);
}

/** `14:05` on the reader's clock. @param atMs milliseconds since 1970 */
export function formatClock(atMs: number): string {
  return new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }).format(atMs);
}

/** `14:05:09` on the reader's clock; with tenths `14:05:09.3`. */
export function formatClockSeconds(atMs: number, tenths = false): string {
  const digits = tenths ? ({ fractionalSecondDigits: 1 } as const) : {};
  return new Intl.DateTimeFormat('en', { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23', ...digits }).format(atMs);
}
