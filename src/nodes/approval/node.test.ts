import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Json } from '../../contract/endpoint.ts';
import type { Role } from '../../contract/values.ts';
import { nodeContext } from '../../test/node-context.ts';
import { NodeError, type NodeResult, type NodeWait, type Signal } from '../kit.ts';
import { approval } from './node.ts';

type Waiting = Extract<NodeWait, { kind: 'approval' | 'webhook' }>;

function waitOf(result: NodeResult | Promise<NodeResult> | undefined): Waiting {
  if (result === undefined || result instanceof Promise || result.kind !== 'wait' || result.wait.kind !== 'approval') throw new Error('it does not wait');
  return result.wait;
}

const begin = (params: object, startedByUser?: string): Waiting =>
  waitOf(approval.run(approval.params.parse({ title: 'Go?', ...params }) as never, nodeContext({ startedByUser })));

function say(state: Json, decision: 'approve' | 'reject', who: string, more: { role?: Role; comment?: string; form?: Json } = {}): NodeResult {
  const signal: Signal = {
    kind: 'decision',
    decision,
    by: { userId: `user_${who}`, name: who, email: `${who}@example.com`, role: more.role ?? 'user' },
    comment: more.comment,
    form: more.form,
    at: '2026-01-01T00:00:00.000Z',
  };
  const result = approval.resume?.(signal, state);
  if (result === undefined) throw new Error('no resume');
  return result;
}

const failsWith = (code: string, says: RegExp) => (error: unknown) => error instanceof NodeError && error.code === code && says.test(error.message);

describe('approval', () => {
  it('shows what there is to decide, and who decided what and why in its output', () => {
    const { state, message } = begin({ message: 'Look.', form: { type: 'object' } });
    assert.equal(message, 'waits for an approval: Go?');
    assert.deepEqual((state as { shown: Json }).shown, { title: 'Go?', message: 'Look.', form: { type: 'object' }, needed: 1, approvers: {}, decisions: [] });
    const decision = { userId: 'user_ada', name: 'ada', decision: 'approve', comment: 'fine', form: { n: 1 }, at: '2026-01-01T00:00:00.000Z' };
    assert.deepEqual(say(state, 'approve', 'ada', { comment: 'fine', form: { n: 1 } }), {
      kind: 'output',
      output: { approved: true, form: { n: 1 }, comment: 'fine', decisions: [decision] },
      port: 'approved',
      reason: 'approved by ada: fine',
    });
  });
  it('waits for as many as are needed, each counted once; one rejection ends it', () => {
    const first = say(begin({ approvers: { count: 2 } }).state, 'approve', 'ada');
    const wait = waitOf(first);
    assert.equal(wait.message, 'waits for approvals, 1 of 2 given: Go?');
    assert.throws(() => say(wait.state, 'approve', 'ada'), failsWith('refused', /ada has decided already/));
    const second = say(wait.state, 'approve', 'bob');
    assert.ok(second.kind === 'output' && second.port === 'approved' && second.reason === 'approved by ada, bob');
    const rejected = say(wait.state, 'reject', 'bob', { comment: 'no' });
    assert.ok(rejected.kind === 'output' && rejected.port === 'rejected' && rejected.reason === 'rejected by bob: no');
  });
  it('lets decide those it names, by e-mail, id or role, and says who they are to others', () => {
    const { state } = begin({ approvers: { count: 1, users: ['ADA@example.com', 'user_bob'], roles: ['admin'] } });
    for (const [who, role] of [
      ['ada', 'user'],
      ['bob', 'user'],
      ['eve', 'admin'],
      ['root', 'super_admin'],
    ] as const)
      assert.equal(say(state, 'approve', who, { role }).kind, 'output', who);
    assert.throws(() => say(state, 'approve', 'eve'), failsWith('forbidden', /ADA@example.com, user_bob, the role admin/));
    assert.throws(() => say(state, 'reject', 'eve'), failsWith('forbidden', /can not decide/));
  });
  it('keeps who started the instance from deciding where that is asked', () => {
    const { state } = begin({ selfApproval: false }, 'user_ada');
    assert.throws(() => say(state, 'approve', 'ada'), failsWith('forbidden', /started/));
    assert.equal(say(state, 'approve', 'bob').kind, 'output');
  });
  it('takes the time as a rejection, an approval or a failure, as it was asked', () => {
    const late = (onTimeout: string): NodeResult | undefined => approval.resume?.({ kind: 'timeout' }, begin({ onTimeout }).state);
    const output = { form: null, comment: null, decisions: [], timedOut: true };
    const reason = '0 of 1 approvals were given in time';
    assert.deepEqual(late('reject'), { kind: 'output', output: { approved: false, ...output }, port: 'rejected', reason });
    assert.deepEqual(late('approve'), { kind: 'output', output: { approved: true, ...output }, port: 'approved', reason });
    assert.throws(() => late('fail'), failsWith('timeout', /0 of 1/));
  });
  it('refuses a count that those who may decide can not reach', () => {
    const check = (approvers: Json): number => approval.check?.({ key: 'a', type: 'approval', params: { title: 't', approvers } }).length ?? 0;
    assert.deepEqual([check({ count: 2, users: ['a@b.c'] }), check({ count: 2, users: ['a@b.c', 'A@b.c'] }), check({ users: [] })], [1, 1, 1]);
    assert.deepEqual([check({ count: 2, users: ['a@b.c', 'd@b.c'] }), check({ count: 2, users: ['a@b.c'], roles: ['admin'] })], [0, 0]);
    assert.deepEqual([check({ count: 2 }), check({ count: 2, users: ['{{ input.who }}'] }), check('{{ input.approvers }}')], [0, 0, 0]);
  });

  it('refuses, when it is saved, a form that is no schema of an object', () => {
    const check = (form: Json): number => approval.check?.({ key: 'a', type: 'approval', params: { title: 't', form } }).length ?? 0;
    assert.deepEqual([check({ type: 'object' }), check({ type: 'object', title: '{{ input.t }}' }), check({ type: 'string' }), check({})], [0, 0, 1, 1]);
    assert.equal(check({ type: 'object', properties: { a: { $ref: '#/nowhere' } } }), 1);
  });
});
