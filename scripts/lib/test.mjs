/** The test verb up to the pinned Node: packages, programs of the system, then run-tests.ts. Runs on any Node from 20 on. */
import { join } from 'node:path';
import {
  buildIfChanged,
  ensureChromium,
  ensureRedis,
  installDependencies,
  linkPostgres,
  pinnedNode,
  Refusal,
  root,
  runToEnd,
  runVerb,
  withPinnedNode,
} from './prepare.mjs';

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
  // Browser and chaos tests drive the built bundle.
  const named = process.argv.slice(2);
  if (!named.includes('--only=unit') && (named.every((word) => word.startsWith('-')) || named.some((word) => /\.(e2e|chaos)\./.test(word))))
    buildIfChanged(node);
  const env = { ...withPinnedNode(), STUDIO_CHROMIUM: chromium, STUDIO_TEST_REDIS_SERVER: redis };
  return runToEnd(node, [join(root, 'scripts/lib/run-tests.ts'), ...named], env);
});
