/** Runs a TypeScript verb on the pinned Node after packages, links and dist/ are as the sources say: with-build.mjs FILE.ts [argument…] */
import { ensureChromium, ensureRedis, installDependencies, buildIfChanged, linkPostgres, pinnedNode, runToEnd, runVerb, withPinnedNode } from './prepare.mjs';

await runVerb(() => {
  installDependencies();
  const node = pinnedNode();
  linkPostgres();
  const redis = ensureRedis();
  const chromium = ensureChromium();
  buildIfChanged(node);
  const env = withPinnedNode();
  return runToEnd(node, process.argv.slice(2), { ...env, ...(redis && { STUDIO_TEST_REDIS_SERVER: redis }), ...(chromium && { STUDIO_CHROMIUM: chromium }) });
});
