/** Numbers with units: which unit a field's name says, how a value is shown in the best one, and what a typed figure means. Pure.
 *  Names carry their unit (`timeoutMs`, `ttlS`, `memoryBytes`); `x-unit` in a schema says it where a name does not. */
import type { Schema } from './schema.ts';

export type UnitName = 'ms' | 's' | 'bytes' | 'days';

export interface Unit {
  readonly label: string;
  /** How many of the stored unit one of it is. */
  readonly factor: number;
}

const SCALES: Readonly<Record<UnitName, readonly Unit[]>> = {
  ms: [
    { label: 'ms', factor: 1 },
    { label: 's', factor: 1_000 },
    { label: 'min', factor: 60_000 },
    { label: 'h', factor: 3_600_000 },
    { label: 'd', factor: 86_400_000 },
  ],
  s: [
    { label: 's', factor: 1 },
    { label: 'min', factor: 60 },
    { label: 'h', factor: 3_600 },
    { label: 'd', factor: 86_400 },
  ],
  bytes: [
    { label: 'B', factor: 1 },
    { label: 'KiB', factor: 1_024 },
    { label: 'MiB', factor: 1_048_576 },
    { label: 'GiB', factor: 1_073_741_824 },
  ],
  days: [{ label: 'days', factor: 1 }],
};

const SUFFIXES: readonly (readonly [RegExp, UnitName])[] = [
  [/[a-z]Ms$/, 'ms'],
  [/([a-z]|^per|^ttl)S$/, 's'],
  [/([a-z]B|^b)ytes$/, 'bytes'],
  [/[a-z]Days$/, 'days'],
];

export function unitOf(name: string, schema: Schema): UnitName | undefined {
  const own = schema['x-unit'];
  if (typeof own === 'string' && own in SCALES) return own as UnitName;
  return SUFFIXES.find(([pattern]) => pattern.test(name))?.[1];
}

export function scaleOf(unit: UnitName): readonly Unit[] {
  return SCALES[unit];
}

/** The largest unit that shows a value without a fraction; of 0 and of what is no number the one people think in. */
export function bestUnit(unit: UnitName, value: unknown): Unit {
  const scale = SCALES[unit];
  const usual = scale.find((each) => each.label === (unit === 'bytes' ? 'GiB' : 's')) ?? scale[0] ?? { label: '', factor: 1 };
  if (typeof value !== 'number' || value === 0) return usual;
  return scale.findLast((each) => Number.isInteger(value / each.factor)) ?? scale[0] ?? usual;
}

/** `90000` in s: `90`. What is no number is shown as it was typed. */
export function figureOf(value: unknown, factor: number): string {
  if (typeof value === 'string') return value;
  return typeof value === 'number' ? String(Number((value / factor).toPrecision(12))) : '';
}

/** What a typed figure stands for; a text that is no number stays that text, so that nothing typed is lost. */
export function valueOfFigure(text: string, factor: number, isInteger: boolean): number | string | undefined {
  const plain = text.trim().replace(',', '.');
  if (plain === '') return undefined;
  const value = Number(plain) * factor;
  if (!Number.isFinite(value)) return text;
  return isInteger && factor > 1 ? Math.round(value) : value;
}

/** Why a number does not fit; undefined when it does. */
export function numberFault(
  value: unknown,
  limits: { readonly isInteger: boolean; readonly min?: number; readonly max?: number; readonly unit?: UnitName },
): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'number') return `“${String(value)}” is not a number.`;
  const say = (limit: number): string => {
    if (limits.unit === undefined) return String(limit);
    const unit = bestUnit(limits.unit, limit);
    return `${figureOf(limit, unit.factor)} ${unit.label}`;
  };
  if (limits.isInteger && !Number.isInteger(value)) return 'A whole number is needed.';
  if (limits.min !== undefined && value < limits.min) return `At least ${say(limits.min)}.`;
  if (limits.max !== undefined && value > limits.max) return `At most ${say(limits.max)}.`;
  return undefined;
}
