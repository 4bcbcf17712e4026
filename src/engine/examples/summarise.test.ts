/** The example's parts do what they say, each with the real program that Studio runs it with. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { definition } from '../../contract/graph.ts';
import { example, exampleInstaller } from './summarise.ts';

const { name: _name, description: _description, ...graph } = example.workflow;
const draw = graph.nodes.find((node) => node.key === 'draw');

test('the definition has the shape of the contract', () => {
  assert.equal(definition.safeParse(graph).success, true);
});

test('the script draws a chart, prints its result, and survives hostile names', () => {
  const folder = mkdtempSync(join(tmpdir(), 'example-'));
  try {
    const script = String(draw?.params?.['script']);
    const stdin = 'rooftop\t12\t9.1\t13.2\t18.4\n&lt;script&gt;\t12\t4.0\t8.0\t11.2\n';
    const ran = spawnSync('sh', ['-c', script], {
      cwd: folder,
      input: stdin,
      env: { PATH: process.env['PATH'], STUDIO_ARTIFACTS: folder, MEASURE: 'temperature' },
      encoding: 'utf8',
    });
    assert.equal(ran.status, 0, ran.stderr);
    assert.deepEqual(JSON.parse(ran.stdout), { chart: 'chart.svg', highest: 'rooftop', mean: 13.2 });
    const svg = readFileSync(join(folder, 'chart.svg'), 'utf8');
    assert.match(svg, /^<svg /);
    assert.equal(svg.match(/<circle/g)?.length, 2);
    assert.ok(!svg.includes('<script'));
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('the first administrator gets the file first, then the workflow', async () => {
  const calls: string[] = [];
  const install = exampleInstaller({
    writeFile: async (orgId, path, content) => calls.push(`${orgId} ${path} ${content.length > 500}`),
    publish: async (admin, workflow) => calls.push(`${admin.userId} ${workflow.name}`),
  });
  await install({ orgId: 'org_1', userId: 'usr_1' });
  assert.deepEqual(calls, ['org_1 samples/measurements.csv true', 'usr_1 Example: summarise a table']);
});
