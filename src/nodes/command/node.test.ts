import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Json } from '../../contract/endpoint.ts';
import { NodeError, type JobEnded } from '../kit.ts';
import { command } from './node.ts';

const ended = (part: Partial<JobEnded> = {}): JobEnded => ({ exitCode: 0, stdout: '', stderr: '', artifacts: [], result: undefined, ...part });

function outputOf(params: Record<string, Json>, left: JobEnded): Json {
  const result = command.toOutput(command.params.parse(params), left);
  if (result.kind !== 'output') throw new Error('no output');
  return result.output;
}

const failsWith = (code: string, final: boolean) => (error: unknown) => error instanceof NodeError && error.code === code && error.final === final;

describe('command', () => {
  it('takes a program or a script, and not both or neither', () => {
    assert.equal(command.params.safeParse({ command: ['true'] }).success, true);
    assert.equal(command.params.safeParse({ script: 'true' }).success, true);
    assert.equal(command.params.safeParse({ script: 'true', command: ['true'] }).success, false);
    assert.equal(command.params.safeParse({}).success, false);
    assert.equal(command.params.safeParse({ command: [] }).success, false);
  });
  it('hands the params on as they are: nothing is put together into a shell string', () => {
    const params = { command: ['echo', '$(id); `id` && id'], env: { A: '"; id' } };
    assert.deepEqual(command.toCommand(command.params.parse(params), { input: null, steps: {} }), params);
  });
  it('gives numbers and truth values in the environment to the process as text', () => {
    assert.deepEqual(command.toCommand(command.params.parse({ script: 'x', env: { N: 1.5, B: true } }), { input: null, steps: {} }).env, {
      N: '1.5',
      B: 'true',
    });
  });
  it('gives the tails, the artifacts and the result', () => {
    const artifacts = [{ id: 'art_1', name: 'a.txt', bytes: 1, sha256: 'x' }];
    assert.deepEqual(outputOf({ script: 'x' }, ended({ stdout: 'out', stderr: 'err', artifacts })), { exitCode: 0, stdout: 'out', stderr: 'err', artifacts });
    assert.deepEqual((outputOf({ script: 'x' }, ended({ result: [1] })) as { result: Json }).result, [1]);
  });
  it('fails on an exit code other than 0 with the last line of its errors', () => {
    assert.throws(() => outputOf({ script: 'x' }, ended({ exitCode: 3, stderr: 'warn\nno such file\n' })), /exit code 3; its last line: no such file/);
    assert.throws(() => outputOf({ script: 'x' }, ended({ exitCode: 1 })), failsWith('exit_code', false));
  });
  it('refuses, when it is saved, files whose names lead out of the folder or can name no file', () => {
    const check = (files: Json): string[] =>
      (command.check?.({ key: 'a', type: 'command', params: { script: 'x', files } }) ?? []).map(({ code, path }) => `${code} ${path}`);
    assert.deepEqual(check({ 'in/a.txt': 'samples/a.txt', 'b.txt': '{{ input.path }}' }), []);
    assert.deepEqual(check({ '../a.txt': 'a.txt', 'b.txt': '../../etc/passwd', '/c': 'c' }), [
      'bad_path params.files.../a.txt',
      'bad_path params.files.b.txt',
      'bad_path params.files./c',
    ]);
    assert.deepEqual(check('none'), []);
  });
});
