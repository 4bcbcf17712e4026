import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { curveOf, formatValue } from './curves.ts';

const at = (second: number): string => new Date(second * 1_000).toISOString();

test('a curve goes over steps when every point has one, in their order, and over time otherwise', () => {
  const steps = curveOf({
    name: 'loss',
    points: [
      { at: at(2), step: 10, value: 1 },
      { at: at(1), step: 0, value: 3 },
    ],
  });
  deepEqual(
    [steps?.over, steps?.points, steps?.fromY, steps?.toY],
    [
      'step',
      [
        { x: 0, y: 3 },
        { x: 10, y: 1 },
      ],
      1,
      3,
    ],
  );
  equal(
    curveOf({
      name: 'loss',
      points: [
        { at: at(1), value: 1 },
        { at: at(2), step: 1, value: 1 },
      ],
    })?.over,
    'time',
  );
  equal(curveOf({ name: 'none', points: [] }), undefined);
});

test('values keep the figures that count', () => {
  deepEqual([0, 0.123456, 1234.5678, 12_345_678, 0.000012].map(formatValue), ['0', '0.1235', '1235', '1.23e+7', '1.20e-5']);
});
