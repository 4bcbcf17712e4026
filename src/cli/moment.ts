/** Times as people type them: `90s`, `2h`, `1d` ago, or a date. Pure. */

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, min: 60_000, h: 3_600_000, d: 86_400_000, w: 7 * 86_400_000 };

/** Ms of `90s`, `10m`, `2h`, `1d`. @throws Error that says what is taken */
export function parseDuration(text: string): number {
  const found = /^(\d{1,9})\s*(ms|s|m|min|h|d|w)$/.exec(text.trim());
  const unit = UNITS[found?.[2] ?? ''];
  if (unit === undefined) throw new Error(`"${text}" is no duration: write 90s, 10m, 2h or 1d.`);
  return Number(found?.[1]) * unit;
}

/** Ms since 1970 of `2h` (that long ago), `today`, or a date. @throws Error that says what is taken */
export function parseMoment(text: string, nowMs: number): number {
  const bare = text.trim().replace(/^-|\s*ago$/g, '');
  if (/^\d+\s*[a-z]+$/.test(bare)) return nowMs - parseDuration(bare);
  if (bare === 'today') return new Date(nowMs).setHours(0, 0, 0, 0);
  const at = Date.parse(bare);
  if (Number.isNaN(at)) throw new Error(`"${text}" is no time: write 2h, 1d, 2026-11-22 or 2026-11-22T01:00:00Z.`);
  return at;
}
