import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { bestUnit, figureOf, numberFault, unitOf, valueOfFigure } from './units.ts';

describe('units', () => {
  it('are read from the name of a field, or from its schema', () => {
    const found = ['timeoutMs', 'ttlS', 'perS', 'catchUpWindowS', 'vramBytes', 'bytes', 'retentionDays', 'maxTokens', 'gpus', 'stops'].map((name) =>
      unitOf(name, {}),
    );
    assert.deepEqual(found, ['ms', 's', 's', 's', 'bytes', 'bytes', 'days', undefined, undefined, undefined]);
    assert.equal(unitOf('size', { 'x-unit': 'bytes' }), 'bytes');
  });
  it('show a value in the largest unit that needs no fraction, and read it back', () => {
    for (const [unit, value, figure, label] of [
      ['ms', 90_000, '90', 's'],
      ['ms', 300_000, '5', 'min'],
      ['ms', 90_500, '90500', 'ms'],
      ['bytes', 16 * 2 ** 30, '16', 'GiB'],
      ['s', 86_400, '1', 'd'],
    ] as const) {
      const best = bestUnit(unit, value);
      assert.equal(`${figureOf(value, best.factor)} ${best.label}`, `${figure} ${label}`);
      assert.equal(valueOfFigure(figure, best.factor, true), value);
    }
  });
  it('keep what is no number as it was typed', () => {
    assert.equal(valueOfFigure('5 or', 1_000, true), '5 or');
    assert.equal(figureOf('5 or', 1_000), '5 or');
    assert.equal(valueOfFigure('', 1_000, true), undefined);
    assert.equal(valueOfFigure('1,5', 1_000, true), 1_500);
  });
  it('say limits in the unit of the field', () => {
    assert.equal(numberFault(0, { isInteger: true, min: 60_000, unit: 'ms' }), 'At least 1 min.');
    assert.equal(numberFault(1.5, { isInteger: true }), 'A whole number is needed.');
    assert.equal(numberFault('x', { isInteger: true }), '“x” is not a number.');
    assert.equal(numberFault(undefined, { isInteger: true, min: 1 }), undefined);
  });
});
