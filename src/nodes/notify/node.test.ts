import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Json } from '../../contract/endpoint.ts';
import { nodeContext } from '../../test/node-context.ts';
import { NodeError } from '../kit.ts';
import type { NotifyPort } from '../kit-ports.ts';
import { notify } from './node.ts';

type Sent = Parameters<NotifyPort['send']>[0];

async function run(
  params: Record<string, Json>,
  told = { notifications: 1, deliveries: ['dlv_1'] },
): Promise<{ readonly sent: Sent[]; readonly output: Json }> {
  const sent: Sent[] = [];
  const port: NotifyPort = {
    send: (message) => {
      sent.push(message);
      return Promise.resolve(told);
    },
  };
  const result = await notify.run(notify.params.parse(params), nodeContext({ notify: port }));
  return { sent, output: result.kind === 'output' ? result.output : null };
}

describe('notify', () => {
  it('tells in the app unless it is told otherwise, and says who has it', async () => {
    const { sent, output } = await run({ title: 'Done', to: ['admins'] });
    assert.deepEqual(sent, [{ target: { channel: 'in_app', to: ['admins'] }, title: 'Done', message: '' }]);
    assert.deepEqual(output, { notifications: 1, deliveries: ['dlv_1'] });
  });
  it('hands a webhook its URL or the name of the secret that holds it', async () => {
    const { sent } = await run({ channel: 'webhook', urlSecret: 'CHAT_URL', secret: 'KEY', title: 'Done' });
    assert.deepEqual(sent[0]?.target, { channel: 'webhook', urlSecret: 'CHAT_URL', secret: 'KEY' });
  });
  it('fails, finally, when nobody is meant', async () => {
    await assert.rejects(
      run({ title: 'Done', to: ['gone@example.com'] }, { notifications: 0, deliveries: [] }),
      (error) => error instanceof NodeError && error.final && error.code === 'nobody',
    );
  });
  it('refuses a webhook without a URL, with two, or with people', () => {
    const faults = (params: Record<string, Json>): readonly string[] =>
      (notify.check?.({ key: 'tell', type: 'notify', params: { channel: 'webhook', title: 'x', ...params } }) ?? []).map((fault) => fault.path);
    assert.deepEqual(faults({}), ['params.url']);
    assert.deepEqual(faults({ url: 'https://a.b/', urlSecret: 'X' }), ['params.url']);
    assert.deepEqual(faults({ url: 'https://a.b/', to: ['admins'] }), ['params.to']);
    assert.deepEqual(faults({ url: 'https://a.b/' }), []);
  });
  it('takes no line break as an address', () => {
    assert.ok(!notify.params.safeParse({ title: 'x', to: ['a@b.c\r\nBcc: d@e.f'] }).success);
  });
});
