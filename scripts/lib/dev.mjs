/** The dev verb: build, run, and on a change of a source build and run again. A build that fails leaves the last good Studio running. */
import { spawn } from 'node:child_process';
import { watch } from 'node:fs';
import { join } from 'node:path';
import { buildIfChanged, ensureRedis, installDependencies, linkPostgres, pinnedNode, Refusal, root, runVerb, say, withPinnedNode } from './prepare.mjs';

/** Editors write a file in several steps; one build answers them all. */
const SETTLE_MS = 200;

await runVerb(async () => {
  installDependencies();
  const node = pinnedNode();
  linkPostgres();
  ensureRedis();
  buildIfChanged(node);
  let child = start(node);
  let timer;
  let isStopping = false;
  const restart = async () => {
    try {
      buildIfChanged(node);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return say(error.message);
    }
    await stop(child);
    if (!isStopping) child = start(node);
  };
  for (const folder of ['src', 'web']) {
    watch(join(root, folder), { recursive: true }, () => {
      clearTimeout(timer);
      timer = setTimeout(() => void restart(), SETTLE_MS);
    });
  }
  return new Promise((resolve) => {
    const end = async () => {
      isStopping = true;
      await stop(child);
      process.exit(0);
    };
    process.on('SIGINT', () => void end());
    process.on('SIGTERM', () => void end());
    process.once('exit', () => resolve(0));
  });
});

function start(node) {
  const args = ['--disallow-code-generation-from-strings', join(root, 'dist/studio.js'), 'start', ...process.argv.slice(2)];
  // In a session of its own: a Ctrl-C comes through `stop`, once.
  return spawn(node, args, { env: withPinnedNode(), stdio: 'inherit', detached: true });
}

function stop(child) {
  if (child.exitCode !== null || child.signalCode !== null) return undefined;
  return new Promise((resolve) => {
    child.once('exit', resolve);
    child.kill('SIGTERM');
  });
}
