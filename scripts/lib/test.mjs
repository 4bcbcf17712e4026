/** The test verb up to the pinned Node: packages, programs of the system, then run-tests.ts. Runs on any Node from 20 on. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { ensureChromium, ensureRedis, installDependencies, linkPostgres, pinnedNode, Refusal, root, runVerb, withPinnedNode } from './prepare.mjs';

await runVerb(async () => {
  installDependencies();
  const node = pinnedNode();
  linkPostgres();
  const redis = ensureRedis();
  const chromium = ensureChromium();
  const missing = [redis === undefined ? 'redis-server' : '', chromium === undefined ? 'chromium' : ''].filter((name) => name !== '');
  if (missing.length > 0) {
    const chromiumHint = chromium === undefined ? ' A Chromium elsewhere can be named: STUDIO_CHROMIUM=/path/to/chromium scripts/test.' : '';
    throw new Refusal(
      `The tests need ${missing.join(' and ')}, which the PATH lacks. Add with: sudo apt-get install ${missing.join(' ')} (or run this once as root).${chromiumHint}`,
    );
  }
  const env = { ...withPinnedNode(), STUDIO_CHROMIUM: chromium, STUDIO_TEST_REDIS_SERVER: redis };
  return runToEnd(node, [join(root, 'scripts/lib/run-tests.ts'), ...process.argv.slice(2)], env);
});

/** @returns the exit status; a signal to this process is handed on, so that the child can stop what it started. */
function runToEnd(command, args, env) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env, stdio: 'inherit' });
    // Ctrl-C reaches the child by itself (same process group); a plain kill of this process does not.
    process.on('SIGINT', () => {});
    process.on('SIGTERM', () => child.kill('SIGTERM'));
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(signal === null ? code : 1));
  });
}
