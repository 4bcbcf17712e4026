/** `studio reload`, SIGHUP and the API's reload: the configuration is read again, and so is the certificate. What came of it is logged and kept in
 *  `run/reload.json`, where the command that asked finds it. One at a time; a fault leaves all as it was. */
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LiveConfig, Reload } from '../config/live.ts';
import { messageOf } from '../kernel/fail.ts';
import type { Logger } from '../kernel/log.ts';

export interface ReloadParts {
  readonly live: LiveConfig;
  readonly log: Logger;
  readonly workspacePath: string;
  /** Reads the certificate again, where there is one. */
  readonly certificate: () => void;
}

export function reloadPath(workspacePath: string): string {
  return join(workspacePath, 'run/reload.json');
}

/** @returns what reads it again */
export function createReload({ live, log, workspacePath, certificate }: ReloadParts): () => Promise<Reload> {
  let turn: Promise<unknown> = Promise.resolve();
  const run = async (): Promise<Reload> => {
    const done = await live.reload();
    certificate();
    const { applied, needsRestart, faults } = done;
    if (faults.length > 0) log.error({ faults }, 'the configuration was read again and can not be used; nothing was changed');
    else log.info({ applied, needsRestart }, 'the configuration was read again');
    await keep(reloadPath(workspacePath), done, log);
    return done;
  };
  return () => {
    const next = turn.then(run, run);
    turn = next.catch((error: unknown) => log.error({ cause: messageOf(error) }, 'the configuration could not be read again'));
    return next;
  };
}

async function keep(path: string, done: Reload, log: Logger): Promise<void> {
  try {
    await writeFile(`${path}.new`, `${JSON.stringify(done)}\n`, { mode: 0o600 });
    await rename(`${path}.new`, path);
  } catch (error) {
    log.warn({ cause: messageOf(error) }, 'what a reload came to could not be kept');
  }
}
