/** What is wrong with a cron expression, in words: the field at fault, what it takes, and an example. Pure. What is right is croner's to say (cron.ts);
 *  this only tells why not, and never quotes it. */

interface Field {
  readonly name: string;
  readonly from: number;
  readonly to: number;
  readonly names: readonly string[];
  readonly takes: string;
  readonly example: string;
}

const MONTHS = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'];
const DAYS = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'];

function field(name: string, from: number, to: number, more: Partial<Field>): Field {
  return { name, from, to, names: [], takes: `${from} to ${to}`, example: '*/15', ...more };
}

const FIELDS: readonly Field[] = [
  field('second', 0, 59, {}),
  field('minute', 0, 59, {}),
  field('hour', 0, 23, { example: '9-17' }),
  field('day of month', 1, 31, { takes: '1 to 31, or L for the last', example: '1,15' }),
  field('month', 1, 12, { names: MONTHS, takes: '1 to 12 or JAN to DEC', example: '3-10' }),
  field('weekday', 0, 7, { names: DAYS, takes: '0 to 7 (0 and 7 are Sunday) or SUN to SAT', example: 'MON-FRI' }),
];

const FORM =
  'five fields are minute, hour, day of month, month and weekday, like "30 9 * * MON-FRI" for half past nine on working days; a sixth, first, is the second';

/** @param isRight whether an expression can be read  @returns why this one, which can not, is wrong */
export function cronWords(expression: string, isRight: (expression: string) => boolean): string {
  const given = expression.trim();
  const parts = given === '' ? [] : given.split(/\s+/);
  if (given.startsWith('@')) return `"${given}" is no schedule that is known by name; write it in fields: ${FORM}`;
  if (parts.length < 5 || parts.length > 6) return `"${given}" has ${parts.length} field${parts.length === 1 ? '' : 's'}: ${FORM}`;
  const fields = FIELDS.slice(6 - parts.length);
  for (const [index, one] of fields.entries()) {
    const part = parts[index] ?? '';
    // Alone among stars, the one at fault is still wrong.
    if (isRight(fields.map((_, place) => (place === index ? part : '*')).join(' '))) continue;
    return `the ${one.name} "${part}" of "${given}" is wrong${because(one, part)}; it takes ${one.takes}, * for each, lists (a,b), ranges (a-b) and steps (*/n), like ${one.example}`;
  }
  return `"${given}" can not be read: ${FORM}`;
}

function because(of: Field, text: string): string {
  for (const item of text.split(',')) {
    const reason = faultOf(of, item);
    if (reason !== undefined) return `: ${reason}`;
  }
  return '';
}

function faultOf(of: Field, item: string): string | undefined {
  if (item === '') return 'something is missing beside a comma';
  const [range = '', step, ...more] = item.split('/');
  if (more.length > 0) return `"${item}" has more than one step`;
  if (step !== undefined && !/^\d+$/.test(step)) return `the step "${step}" is no number`;
  if (step !== undefined && Number(step) === 0) return 'a step is 1 or more';
  if (step !== undefined && Number(step) > of.to) return `the step ${step} is longer than the whole field`;
  const [first = '', last, ...others] = range.split('-');
  if (others.length > 0) return `"${range}" is no range`;
  for (const end of [first, ...(last === undefined ? [] : [last])]) {
    const reason = endFault(of, end);
    if (reason !== undefined) return reason;
  }
  if (last === undefined) return step !== undefined && first !== '*' ? `a step follows * or a range, like */${step} or ${first}-${of.to}/${step}` : undefined;
  const [low, high] = [valueOf(of, first), valueOf(of, last)];
  return low !== undefined && high !== undefined && low > high ? `the range ${range} runs backwards; write ${first}-${of.to},${of.from}-${last}` : undefined;
}

function valueOf(of: Field, text: string): number | undefined {
  if (/^\d+$/.test(text)) return Number(text);
  const place = of.names.indexOf(text.toUpperCase());
  return place === -1 ? undefined : place + of.from;
}

function endFault(of: Field, text: string): string | undefined {
  if (text === '') return 'a range needs both ends';
  const value = valueOf(of, text);
  if (value !== undefined) return value < of.from || value > of.to ? `${text} is not from ${of.from} to ${of.to}` : undefined;
  return /^[A-Za-z]{2,}$/.test(text) ? `"${text}" is no ${of.name}` : undefined;
}
