import { after, before } from 'node:test';
import { startApp, type TestApp } from '../../test/app.ts';
import { testScenarios } from '../../test/scenarios.ts';

let app: TestApp;
before(async () => {
  app = await startApp({ hasOwnServer: true });
});
after(() => app.close());

const preview = 'POST /api/v1/expressions/preview';

testScenarios(
  () => app,
  [
    {
      name: 'an expression is evaluated over the sample and starts nothing',
      as: 'user',
      request: preview,
      body: { template: '{{ input.n * 2 }}', scope: { input: { n: 21 } } },
      expect: { status: 200, body: { value: 42, type: 'number', problems: [] } },
    },
    {
      name: 'what can not be read is an answer, not a refusal',
      request: preview,
      body: { template: '{{ input. }}' },
      expect: { status: 200, body: { value: null, problems: [{ code: 'bad_expression' }] } },
    },
    {
      name: 'nobody who is not signed in has expressions evaluated',
      as: 'anonymous',
      request: preview,
      body: { template: '1' },
      expect: { status: 401, code: 'unauthenticated' },
    },
    {
      name: 'a schedule tells its next times',
      request: 'GET /api/v1/triggers/next-times?expression=0%208%20*%20*%20*&timezone=Europe/Berlin&count=2',
      expect: { status: 200, body: { problem: null } },
    },
    {
      name: 'a schedule that can not be read tells why',
      request: 'GET /api/v1/triggers/next-times?expression=61%20*%20*%20*%20*',
      expect: { status: 200, body: { times: [], problem: { field: 'expression' } } },
    },
    {
      name: 'a zone that does not exist is named',
      request: 'GET /api/v1/triggers/next-times?expression=0%208%20*%20*%20*&timezone=Mars/Olympus',
      expect: { status: 200, body: { times: [], problem: { field: 'timezone' } } },
    },
  ],
);
