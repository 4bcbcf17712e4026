import { deepEqual, equal, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { serviceDefinition } from '../../../src/contract/services.ts';
import { bodyOf, draftOf, newDraft } from './service-draft.ts';

test('what is typed becomes a definition that the contract takes', () => {
  const body = bodyOf({
    ...newDraft,
    name: ' comfy ',
    command: 'python\nmain.py\n--port\n{{port}}\n\n',
    env: 'A=1\n\nB=x=y ',
    gpus: '1',
    idleMinutes: '30',
    after: 'one, two',
  });
  const definition = serviceDefinition.parse(body);
  deepEqual(definition.command, ['python', 'main.py', '--port', '{{port}}']);
  deepEqual(
    [definition.name, definition.env, definition.resources.gpus, definition.idle, definition.after],
    ['comfy', { A: '1', B: 'x=y ' }, 1, { afterMs: 1_800_000 }, ['one', 'two']],
  );
  deepEqual(definition.page, { path: '/', role: 'super_admin', isolation: 'sandbox', stripPrefix: true });
});

test('a definition comes back from its draft as it was, with what the form does not show', () => {
  const definition = serviceDefinition.parse({
    name: 'jupyter',
    command: ['jupyter', 'lab'],
    env: { TOKEN: '{{ secrets.T }}' },
    cwd: 'notebooks',
    port: 8_888,
    health: { type: 'http', path: '/api', timeoutMs: 90_000, intervalMs: 5_000, restartAfter: 4 },
    page: { path: '/lab', isolation: 'trusted', stripPrefix: false, role: 'admin' },
    resources: { vramBytes: 2 * 1024 ** 3, priority: 70 },
    restart: { policy: 'on_failure', maxRetries: 3 },
    stopSignal: 'SIGINT',
  });
  deepEqual(serviceDefinition.parse(bodyOf(draftOf(definition), definition)), definition);
  equal(serviceDefinition.parse(bodyOf({ ...draftOf(definition), healthType: 'none', hasPage: false }, definition)).page, null);
});

test('a line that is no variable, and a number that is none, are named', () => {
  throws(() => bodyOf({ ...newDraft, env: 'A' }), /“A” is not NAME=value/);
  throws(() => bodyOf({ ...newDraft, gpus: 'two' }), /GPUs: “two” is not a number/);
});
