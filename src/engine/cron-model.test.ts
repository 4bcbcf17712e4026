import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { lastFire, nextFire } from './cron.ts';

/** cron.ts against a slow model that looks at every minute of real time. More cases with STUDIO_TEST_CRON. */
const RUNS = Number(process.env['STUDIO_TEST_CRON'] ?? 20_000);
const MINUTE = 60_000;
const HORIZON_MS = 3 * 86_400_000;
const BUCKET_MS = 15 * MINUTE;

/** Jumps by an hour, half an hour, at midnight, southern, by rule of the year, none; a day left out. */
const ZONES = [
  'Europe/Berlin',
  'America/New_York',
  'Australia/Lord_Howe',
  'America/Santiago',
  'Africa/Cairo',
  'Asia/Beirut',
  'Africa/Casablanca',
  'Asia/Kolkata',
  'Pacific/Apia',
  'Pacific/Chatham',
  'America/St_Johns',
  'Antarctica/Troll',
  'UTC',
];

const formats = new Map<string, Intl.DateTimeFormat>();
const offsets = new Map<string, number>();

/** The zone's offset at a time, in ms: offsets change at quarters of an hour. */
function offsetAt(zone: string, ms: number): number {
  const bucket = Math.floor(ms / BUCKET_MS) * BUCKET_MS;
  const name = `${zone} ${bucket}`;
  const known = offsets.get(name);
  if (known !== undefined) return known;
  const format =
    formats.get(zone) ??
    new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
    });
  formats.set(zone, format);
  const parts = Object.fromEntries(format.formatToParts(bucket).map((part) => [part.type, Number(part.value)]));
  const of = (type: string): number => parts[type] ?? Number.NaN;
  const offset = Date.UTC(of('year'), of('month') - 1, of('day'), of('hour'), of('minute')) - bucket;
  offsets.set(name, offset);
  return offset;
}

/** When the zone's clock jumps, in the years of the test. */
function jumpsOf(zone: string): number[] {
  const found: number[] = [];
  for (const [from, to] of [
    [Date.UTC(2011, 11, 1), Date.UTC(2012, 0, 31)],
    [Date.UTC(2024, 0, 1), Date.UTC(2028, 0, 1)],
  ] as const) {
    for (let at = from; at < to; at += 86_400_000) {
      if (offsetAt(zone, at) === offsetAt(zone, at + 86_400_000)) continue;
      let [low, high] = [at, at + 86_400_000];
      while (high - low > BUCKET_MS) {
        const middle = low + Math.floor((high - low) / 2 / BUCKET_MS) * BUCKET_MS;
        if (offsetAt(zone, middle) === offsetAt(zone, at)) low = middle;
        else high = middle;
      }
      found.push(high);
    }
  }
  return found;
}

interface Field {
  readonly text: string;
  readonly values: ReadonlySet<number> | null;
}
interface Expression {
  readonly minute: Field;
  readonly hour: Field;
  readonly day: Field;
  readonly month: Field;
  readonly weekday: Field;
}

function isDay({ day, month, weekday }: Expression, wall: Date): boolean {
  if (month.values !== null && !month.values.has(wall.getUTCMonth() + 1)) return false;
  const [isOfMonth, isOfWeek] = [day.values?.has(wall.getUTCDate()), weekday.values?.has(wall.getUTCDay())];
  // Both given: either will do, as cron always did.
  if (isOfMonth !== undefined && isOfWeek !== undefined) return isOfMonth || isOfWeek;
  return isOfMonth ?? isOfWeek ?? true;
}

function isTime(expression: Expression, wallMs: number): boolean {
  const wall = new Date(wallMs);
  const { minute, hour } = expression;
  if (minute.values !== null && !minute.values.has(wall.getUTCMinutes())) return false;
  if (hour.values !== null && !hour.values.has(wall.getUTCHours())) return false;
  return isDay(expression, wall);
}

/** The first firing in (after, after + horizon], by looking at each minute. */
function slowNext(expression: Expression, zone: string, after: number): number | undefined {
  const isFixed = expression.minute.values?.size === 1 && expression.hour.values?.size === 1;
  for (let at = Math.floor(after / MINUTE) * MINUTE + MINUTE; at <= after + HORIZON_MS; at += MINUTE) {
    const offset = offsetAt(zone, at);
    if (isTime(expression, at + offset)) {
      // A fixed time that the clock shows a second time fired at the first.
      const again = isFixed && [30, 60, 120, 1_440].some((back) => offsetAt(zone, at - back * MINUTE) - offset === back * MINUTE);
      if (!again) return at;
    }
    const before = offsetAt(zone, at - MINUTE);
    if (!isFixed || before >= offset) continue;
    // The clock jumped over these: a fixed time of the same day among them fires now.
    for (let wall = at + before; wall < at + offset; wall += MINUTE)
      if (isTime(expression, wall) && new Date(wall).toISOString().slice(0, 10) === new Date(at + offset).toISOString().slice(0, 10)) return at;
  }
  return undefined;
}

const single = (min: number, max: number): fc.Arbitrary<Field> => fc.integer({ min, max }).map((value) => ({ text: String(value), values: new Set([value]) }));
const every: fc.Arbitrary<Field> = fc.constant({ text: '*', values: null });
const steps = (sizes: readonly number[], limit: number): fc.Arbitrary<Field> =>
  fc
    .constantFrom(...sizes)
    .map((size) => ({ text: `*/${size}`, values: new Set(Array.from({ length: Math.ceil(limit / size) }, (_, index) => index * size)) }));
const list = (min: number, max: number): fc.Arbitrary<Field> =>
  fc.uniqueArray(fc.integer({ min, max }), { minLength: 2, maxLength: 4 }).map((values) => ({ text: values.join(','), values: new Set(values) }));
const range = (min: number, max: number): fc.Arbitrary<Field> =>
  fc.tuple(fc.integer({ min, max: max - 1 }), fc.integer({ min: 1, max: 6 })).map(([from, more]) => {
    const to = Math.min(max, from + more);
    return { text: `${from}-${to}`, values: new Set(Array.from({ length: to - from + 1 }, (_, index) => from + index)) };
  });
const expressions: fc.Arbitrary<Expression> = fc
  .record({
    minute: fc.oneof(single(0, 59), every, steps([5, 7, 15, 20, 30], 60), list(0, 59)),
    hour: fc.oneof({ weight: 3, arbitrary: single(0, 23) }, single(0, 3), every, steps([2, 5, 6], 24), list(0, 23), range(0, 23)),
    day: fc.oneof(
      { weight: 4, arbitrary: every },
      single(1, 31),
      fc.constantFrom({ text: '29', values: new Set([29]) }, { text: '31', values: new Set([31]) }),
      list(1, 31),
    ),
    month: fc.oneof({ weight: 5, arbitrary: every }, single(1, 12), range(1, 12)),
    weekday: fc.oneof({ weight: 4, arbitrary: every }, single(0, 6), range(0, 6)),
  })
  // Days that no such month has never fire, and are refused when they are saved: finding that out looks at 400 years.
  .filter(({ day, month }) => month.values === null || day.values === null || [...day.values].some((one) => one <= 28));

/** Near a jump, near a leap day, anywhere. */
const places = ZONES.flatMap((zone) => {
  const near = jumpsOf(zone);
  return [...near, ...near, Date.UTC(2024, 1, 29), Date.UTC(2028, 1, 28) - 366 * 86_400_000, Date.UTC(2026, 11, 31), Date.UTC(2025, 5, 15)].map((at) => ({
    zone,
    at,
  }));
});
const moments = fc.tuple(fc.constantFrom(...places), fc.integer({ min: -2 * 1_440, max: 1_440 }), fc.integer({ min: 0, max: 59_999 }));

test('every firing is where looking at each minute finds it, through jumps, leap days and a day left out', () => {
  fc.assert(
    fc.property(expressions, moments, (fields, [{ zone, at }, minutes, ms]) => {
      const after = Math.floor(at / MINUTE) * MINUTE + minutes * MINUTE + ms;
      const expression = `${fields.minute.text} ${fields.hour.text} ${fields.day.text} ${fields.month.text} ${fields.weekday.text}`;
      const slow = slowNext(fields, zone, after);
      let fast: number | undefined;
      try {
        fast = nextFire({ expression, timezone: zone }, after);
      } catch (error) {
        throw new Error(`${expression} was refused`, { cause: error });
      }
      const inSight = fast !== undefined && fast <= after + HORIZON_MS ? fast : undefined;
      assert.equal(iso(inSight), iso(slow), `${expression} in ${zone} after ${iso(after)}`);
    }),
    { numRuns: RUNS },
  );
});

test('the last firing of a stretch is the one after which none comes', () => {
  fc.assert(
    fc.property(expressions, moments, fc.integer({ min: 1, max: 200_000_000 }), (fields, [{ zone, at }, minutes], lengthMs) => {
      const cron = { expression: `${fields.minute.text} ${fields.hour.text} ${fields.day.text} ${fields.month.text} ${fields.weekday.text}`, timezone: zone };
      const from = at + minutes * MINUTE;
      const last = lastFire(cron, from, from + lengthMs);
      const next = nextFire(cron, last ?? from);
      assert.ok(last === undefined || (last > from && last <= from + lengthMs));
      assert.ok(next === undefined || next > from + lengthMs, `${cron.expression} in ${zone}: ${iso(next)} comes after ${iso(last)}`);
    }),
    { numRuns: 500 },
  );
});

function iso(ms: number | undefined): string {
  return ms === undefined ? 'never' : new Date(ms).toISOString();
}
