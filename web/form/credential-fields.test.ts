import assert from 'node:assert/strict';
import { test } from 'node:test';
import { credentialFields, hostsOf, valuesToSend } from './credential-fields.ts';

const schema = {
  type: 'object',
  properties: {
    tokenUrl: { type: 'string', format: 'uri', title: 'Token URL', description: 'Where' },
    clientSecret: { type: 'string', 'x-secret': true },
    sendAs: { type: 'string', enum: ['header', 'body'] },
  },
  required: ['tokenUrl', 'clientSecret'],
};

test('a schema becomes fields in its order: secret, URL, choice', () => {
  assert.deepEqual(
    credentialFields(schema).map(({ name, title, required, isSecret, isUrl, choices }) => [name, title, required, isSecret, isUrl, choices]),
    [
      ['tokenUrl', 'Token URL', true, false, true, []],
      ['clientSecret', 'Client secret', true, true, false, []],
      ['sendAs', 'Send as', false, false, false, ['header', 'body']],
    ],
  );
  assert.deepEqual(credentialFields({}), []);
});

test('of a credential that is there, only what changed is sent; an emptied field is sent empty', () => {
  const fields = credentialFields(schema);
  const present = { tokenUrl: 'https://a.example/t', sendAs: 'body' };
  assert.deepEqual(valuesToSend(fields, { ...present, clientSecret: '' }, present), {});
  assert.deepEqual(valuesToSend(fields, { tokenUrl: 'https://b.example/t', clientSecret: 'new', sendAs: '' }, present), {
    tokenUrl: 'https://b.example/t',
    clientSecret: 'new',
    sendAs: '',
  });
  assert.deepEqual(valuesToSend(fields, { tokenUrl: 'x', sendAs: '' }, undefined), { tokenUrl: 'x' });
});

test('hosts are separated by commas, blanks or lines, each once', () => {
  assert.deepEqual(hostsOf('api.example.com, *.example.org\n api.example.com'), ['api.example.com', '*.example.org']);
  assert.deepEqual(hostsOf('  '), []);
});
