/** The declaration, and the Python around a step's Python in a real interpreter. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, describe, it } from 'node:test';
import { NodeError, type JobEnded, type Scope } from '../kit.ts';
import { codePython } from './node.ts';

const made: string[] = [];
after(() => made.forEach((path) => rmSync(path, { recursive: true, force: true })));

const commandOf = (params: Record<string, unknown>, scope: Scope = { input: null, steps: {} }) => codePython.toCommand(codePython.params.parse(params), scope);

function run(params: Record<string, unknown>, scope?: Scope) {
  const folder = mkdtempSync(join(tmpdir(), 'studio-python-'));
  made.push(folder);
  const { command = [], files = {} } = commandOf(params, scope);
  for (const [name, file] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), typeof file === 'object' && 'text' in file ? file.text : '');
  }
  const at = (name: string): string => join(folder, name);
  const env = { PATH: '/usr/bin:/bin', STUDIO_RESULT: at('result'), STUDIO_PROGRESS: at('progress'), STUDIO_ARTIFACTS: folder, STUDIO_CHECKPOINT: folder };
  const ended = spawnSync(command[0] ?? '', command.slice(1), { cwd: folder, env, encoding: 'utf8' });
  const read = (name: string): string => {
    try {
      return readFileSync(at(name), 'utf8');
    } catch {
      return '';
    }
  };
  return { code: ended.status, stdout: ended.stdout, stderr: ended.stderr, result: read('result'), progress: read('progress') };
}

describe('code.python', () => {
  const scope: Scope = { input: { n: 21 }, steps: { load: { output: [1, 2] } }, item: 'x', index: 3 };
  it('gives what main returns, and main has as much of input and steps as it takes', () => {
    const two = run(
      { source: 'def double(x):\n    return x * 2\n\ndef main(input, steps):\n    return [double(input["n"]), steps["load"]["output"]]\n' },
      scope,
    );
    assert.deepEqual([two.code, two.result], [0, '[42, [1, 2]]']);
    assert.equal(run({ source: 'def main(input):\n    return input["n"]' }, scope).result, '21');
    assert.equal(run({ source: 'def main():\n    return 7' }, scope).result, '7');
  });
  it('without main, gives the variable output, with the names of code in scope; without either, nothing', () => {
    assert.equal(run({ source: 'output = [input["n"], steps["load"]["output"], item, index]' }, scope).result, '[21, [1, 2], "x", 3]');
    assert.deepEqual([run({ source: 'print("x")' }).stdout, run({ source: 'print("x")' }).result], ['x\n', '']);
  });
  it('tells an exception with a traceback that begins in the own code', () => {
    const ended = run({ source: 'def main(input):\n    raise ValueError("no such thing")\n' });
    assert.equal(ended.code, 1);
    assert.match(ended.stderr, /^Traceback[^]*main\.py", line 2, in main[^]*ValueError: no such thing\n$/);
    assert.doesNotMatch(ended.stderr, /run\.py|runpy/);
  });
  it('refuses an output that is no JSON by name', () => {
    const ended = run({ source: 'output = {1, 2}' });
    assert.equal(ended.code, 1);
    assert.match(ended.stderr, /the output is no JSON: .*set/);
  });
  it('progress and metrics are written as the job machinery reads them, and files can be imported', () => {
    const ended = run({
      source: 'import studio, given\nstudio.progress(0.5)\nstudio.metric(step=3, loss=1.5)\noutput = given.value',
      files: { 'given.py': { text: 'value = 7' } },
    });
    assert.equal(ended.result, '7');
    assert.equal(ended.progress, '{"progress": 0.5}\n{"loss": 1.5, "step": 3.0}\n');
  });
  it('runs in the environment of its requirements, made with the interpreter it names', () => {
    const spec = commandOf({ source: 'x', requirements: 'numpy', python: 'python3.12' });
    assert.deepEqual([spec.command?.[0], spec.requirements, spec.python], ['python3', 'numpy', 'python3.12']);
    const without = commandOf({ source: 'x', python: 'python3.12' });
    assert.deepEqual([without.command?.[0], without.requirements, without.python], ['python3.12', undefined, undefined]);
  });
  it('fails on an exit code other than 0 with its last line', () => {
    const ended: JobEnded = { exitCode: 1, stdout: '', stderr: 'Traceback\nKeyError: 1\n', artifacts: [], result: undefined };
    assert.throws(
      () => codePython.toOutput(codePython.params.parse({ source: 'x' }), ended),
      (error: unknown) => error instanceof NodeError && error.code === 'exit_code' && /KeyError: 1/.test(error.message),
    );
  });
});
