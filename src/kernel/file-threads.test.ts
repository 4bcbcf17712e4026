import { equal } from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';

/** Threads of a process before and after, and what a child of it would be told. */
function countThreads(env: NodeJS.ProcessEnv): { before: number; after: number; told: string | null } {
  const program = `
    import { readdirSync } from 'node:fs';
    import { startFileThreads } from ${JSON.stringify(new URL('./file-threads.ts', import.meta.url).href)};
    const count = () => readdirSync('/proc/self/task').length;
    const before = count();
    startFileThreads();
    process.stdout.write(JSON.stringify({ before, after: count(), told: process.env.UV_THREADPOOL_SIZE ?? null }));
  `;
  return JSON.parse(execFileSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8', env }));
}

test('a hanging volume leaves threads for others, and children keep their own number', () => {
  const { UV_THREADPOOL_SIZE: _, ...env } = process.env;
  const { before, after, told } = countThreads(env);
  equal(after - before >= 28, true, `${after - before} threads were started`);
  equal(told, null);
});

test('a number that is asked for stands', () => {
  const { before, after, told } = countThreads({ ...process.env, UV_THREADPOOL_SIZE: '6' });
  equal(after - before, 0);
  equal(told, '6');
});
