/** What scripts/studio does before it becomes Studio: packages, the pinned Node, PostgreSQL's links, a Redis for `start`, the bundle.
 *  Runs on any Node from 20 on. A missing Redis is no refusal: Studio then starts degraded and says how to add it. */
import { buildIfChanged, ensureRedis, findProgram, installDependencies, linkPostgres, pinnedNode, runVerb, say } from './prepare.mjs';
import { buildRedis } from './redis-build.mjs';

await runVerb(async () => {
  installDependencies();
  const node = pinnedNode();
  linkPostgres();
  const [command = 'start'] = process.argv.slice(2);
  if (command === 'start' && !process.env.REDIS_URL) await requireRedis();
  buildIfChanged(node);
});

async function requireRedis() {
  if ((ensureRedis() ?? (await buildRedis())) !== undefined) return;
  const how = findProgram(['apt-get']) === undefined ? 'install redis-server with the package manager' : 'sudo apt-get install redis-server';
  say(`Redis: none found, and none could be installed or built. Studio starts without it (live updates are slower). To add it: ${how}, then start again.`);
}
