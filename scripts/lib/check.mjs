/** The check verb: every static check, all of them even when one fails, then the tests. Runs on any Node from 20 on. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { installDependencies, linkPostgres, pinnedNode, root, runVerb, say, withPinnedNode } from './prepare.mjs';

const checks = [
  { title: 'types of the server', command: 'tsc', args: ['-p', '.'] },
  { title: 'types of the web', command: 'tsc', args: ['-p', 'web'] },
  { title: 'lint', command: 'oxlint', args: ['.'] },
  { title: 'format', command: 'oxfmt', args: ['--check', '.'] },
  { title: 'generated files', command: 'node', args: ['scripts/generate.ts', '--check'] },
  { title: 'unused code', command: 'knip', args: ['--no-progress'] },
];

await runVerb(() => {
  installDependencies();
  pinnedNode();
  linkPostgres();
  const failed = checks.filter(({ title, command, args }) => {
    const startedAt = performance.now();
    const ended = spawnSync(command, args, { cwd: root, env: withPinnedNode(), encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
    const isGood = ended.status === 0;
    say(`${isGood ? 'ok  ' : 'FAIL'} ${title} (${((performance.now() - startedAt) / 1000).toFixed(1)} s)`);
    if (!isGood) say(`${ended.stdout ?? ''}${ended.stderr ?? ''}${ended.error?.message ?? ''}`.trimEnd());
    return !isGood;
  });
  if (failed.length > 0) say(`failed: ${failed.map(({ title }) => title).join(', ')}`);
  if (process.argv.includes('--static')) return failed.length > 0 ? 1 : 0;
  const tests = spawnSync(join(root, 'scripts/test'), { cwd: root, stdio: 'inherit' });
  return failed.length > 0 || tests.status !== 0 ? 1 : 0;
});
