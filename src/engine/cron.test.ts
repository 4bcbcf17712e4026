import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { cronFault, nextFire } from './cron.ts';

const DAY_MS = 86_400_000;
/** Zones whose clocks jump: by an hour, by half an hour, at midnight, southern, and none. */
const zones = ['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'America/Santiago', 'Africa/Cairo', 'Asia/Kolkata', 'Asia/Tehran', 'UTC'];
const zone = fc.constantFrom(...zones);
const moment = fc.integer({ min: Date.UTC(2024, 0, 1) / 60_000, max: Date.UTC(2028, 0, 1) / 60_000 }).map((minutes) => minutes * 60_000);

/** The wall clock of a zone at a time. */
function wall(timezone: string, ms: number): { date: string; hour: number; minute: number } {
  const parts = new Intl.DateTimeFormat('en-CA', {
    timeZone: timezone,
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
  }).formatToParts(ms);
  const of = (type: string): string => parts.find((part) => part.type === type)?.value ?? '';
  return { date: `${of('year')}-${of('month')}-${of('day')}`, hour: Number(of('hour')), minute: Number(of('minute')) };
}

/** All firings in [from, from + days). */
function firings(cron: { expression: string; timezone: string }, from: number, days: number): number[] {
  const found: number[] = [];
  for (let at = nextFire(cron, from - 1); at !== undefined && at < from + days * DAY_MS; at = nextFire(cron, at)) found.push(at);
  return found;
}

test('the next firing is strictly later, and nothing fires between', () => {
  fc.assert(
    fc.property(zone, moment, fc.integer({ min: 0, max: 59 }), fc.integer({ min: 0, max: 23 }), (timezone, at, minute, hour) => {
      const cron = { expression: `${minute} ${hour} * * *`, timezone };
      const next = nextFire(cron, at);
      assert.ok(next !== undefined && next > at);
      assert.equal(nextFire(cron, next - 1), next);
    }),
  );
});

test('a daily time fires once on every day of the zone, daylight saving or not', () => {
  fc.assert(
    fc.property(zone, moment, fc.integer({ min: 0, max: 59 }), fc.integer({ min: 0, max: 23 }), (timezone, from, minute, hour) => {
      const days = firings({ expression: `${minute} ${hour} * * *`, timezone }, from, 400).map((at) => wall(timezone, at).date);
      assert.equal(new Set(days).size, days.length, 'no day twice');
      const first = Date.parse(`${days[0]}T00:00:00Z`);
      days.forEach((day, index) => assert.equal(day, new Date(first + index * DAY_MS).toISOString().slice(0, 10), 'no day missed'));
    }),
    { numRuns: 40 },
  );
});

test('a daily time is met to the minute, but where the clock jumped over it', () => {
  fc.assert(
    fc.property(zone, moment, fc.integer({ min: 0, max: 59 }), fc.integer({ min: 0, max: 23 }), (timezone, from, minute, hour) => {
      for (const at of firings({ expression: `${minute} ${hour} * * *`, timezone }, from, 200)) {
        const { hour: h, minute: m } = wall(timezone, at);
        if (h === hour && m === minute) continue;
        const around = Array.from({ length: 361 }, (_, index) => wall(timezone, at + (index - 180) * 60_000));
        const { date } = wall(timezone, at);
        assert.equal(
          around.some((one) => one.date === date && one.hour === hour && one.minute === minute),
          false,
          `${new Date(at).toISOString()} in ${timezone} for ${hour}:${minute}, which was there`,
        );
        assert.ok(h * 60 + m > hour * 60 + minute, 'after the jump, not before');
      }
    }),
    { numRuns: 40 },
  );
});

test('every quarter of an hour is a quarter of an hour apart through both jumps', () => {
  for (const from of [Date.UTC(2026, 2, 28, 12), Date.UTC(2026, 9, 24, 12)]) {
    const at = firings({ expression: '*/15 * * * *', timezone: 'Europe/Berlin' }, from, 1);
    assert.deepEqual(
      at,
      Array.from({ length: 96 }, (_, index) => from + index * 900_000),
    );
  }
});

test('what the spring jump skips fires right after it; what autumn shows twice fires once', () => {
  const cron = { expression: '30 2 * * *', timezone: 'Europe/Berlin' };
  assert.deepEqual(
    firings(cron, Date.UTC(2026, 2, 28), 3).map((at) => new Date(at).toISOString()),
    ['2026-03-28T01:30:00.000Z', '2026-03-29T01:00:00.000Z', '2026-03-30T00:30:00.000Z'],
  );
  assert.deepEqual(
    firings(cron, Date.UTC(2026, 9, 24), 3).map((at) => new Date(at).toISOString()),
    ['2026-10-24T00:30:00.000Z', '2026-10-25T00:30:00.000Z', '2026-10-26T01:30:00.000Z'],
  );
});

test('a fault names the value', () => {
  const fault = (expression: string, timezone = 'UTC'): string | undefined => cronFault({ expression, timezone }, Date.UTC(2026, 0, 1))?.message;
  for (const right of ['* * * * *', '0 9 * * 1-5', '*/10 * * * * *', '@daily', '0 0 29 2 *']) assert.equal(fault(right), undefined, right);
  for (const wrong of ['', 'x', '* * * *', '60 * * * *', '0 24 * * *', '* * * * * * * *', '5-1 * * * *; drop'])
    assert.match(fault(wrong) ?? '', / (is wrong|fields?: five|known by name)/, wrong);
  assert.match(fault('0 0 30 2 *') ?? '', /never fires/);
  for (const wrong of ['Mars/Olympus', '+02:00', '', 'Europe/Berlin; x']) assert.match(fault('* * * * *', wrong) ?? '', /is no time zone/, wrong);
});

test('a fault of an expression names the field, says why, what it takes and an example, in words of ours', () => {
  const words: Readonly<Record<string, RegExp>> = {
    '60 * * * *': /^the minute "60" of "60 \* \* \* \*" is wrong: 60 is not from 0 to 59; it takes 0 to 59, .*, like \*\/15$/,
    '* 17-9 * * *': /^the hour "17-9" .*: the range 17-9 runs backwards; write 17-23,0-9; /,
    '* * * FOO *': /^the month "FOO" .*: "FOO" is no month; it takes 1 to 12 or JAN to DEC, /,
    '* * * * MONDAY': /^the weekday "MONDAY" .*: "MONDAY" is no weekday; .*, like MON-FRI$/,
    '5/2 * * * *': /: a step follows \* or a range, like \*\/2 or 5-59\/2; /,
    '*/0 * * * *': /: a step is 1 or more; /,
    '1,,2 * * * *': /: something is missing beside a comma; /,
    '61 * * * * *': /^the second "61" /,
    '* * * *': /^"\* \* \* \*" has 4 fields: five fields are minute, hour, day of month, month and weekday, like "30 9 \* \* MON-FRI"/,
    '0 0 30 2 *': /^"0 0 30 2 \*" never fires: none of the months it names has such a day$/,
  };
  for (const [expression, expected] of Object.entries(words)) {
    const message = cronFault({ expression, timezone: 'UTC' }, Date.UTC(2026, 0, 1))?.message ?? '';
    assert.match(message, expected);
    assert.doesNotMatch(message, /croner|CronPattern|TypeError/i);
  }
});
