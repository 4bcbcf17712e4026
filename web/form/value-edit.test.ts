import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { childPath, freeName, moveItem, renameMember, toExpression, toFixed, withItem, withMember, withoutItem } from './value-edit.ts';

describe('changing a part', () => {
  it('leaves every other part where it was', () => {
    const value = { a: 1, later: { kept: true }, b: 2 };
    assert.equal(JSON.stringify(withMember(value, 'a', 3)), '{"a":3,"later":{"kept":true},"b":2}');
    assert.equal(JSON.stringify(withMember(value, 'later', undefined)), '{"a":1,"b":2}');
    assert.equal(JSON.stringify(withMember(value, 'c', 4)), '{"a":1,"later":{"kept":true},"b":2,"c":4}');
    assert.equal(JSON.stringify(renameMember(value, 'later', 'now')), '{"a":1,"now":{"kept":true},"b":2}');
    assert.equal(freeName(value, 'a'), 'a2');
  });
  it('changes, removes and moves items', () => {
    const list = ['a', 'b', 'c'];
    assert.deepEqual(
      [withItem(list, 1, 'x'), withoutItem(list, 0), moveItem(list, 2, -1), moveItem(list, 0, -1)],
      [
        ['a', 'x', 'c'],
        ['b', 'c'],
        ['a', 'c', 'b'],
        ['a', 'b', 'c'],
      ],
    );
  });
});

describe('switching a field', () => {
  it('to an expression keeps what it was, and back again', () => {
    assert.deepEqual([undefined, 'Hello', 5, true, [1]].map(toExpression), ['{{  }}', 'Hello', '{{ 5 }}', '{{ true }}', '{{ [1] }}']);
    assert.deepEqual(['{{ 5 }}', '{{ input.n }}', '{{  }}', '{{ "x" }}'].map(toFixed), [5, undefined, undefined, 'x']);
  });
  it('names places as the server does', () => {
    assert.equal(childPath(childPath(childPath('params', 'cases'), 0), 'when'), 'params.cases[0].when');
  });
});
