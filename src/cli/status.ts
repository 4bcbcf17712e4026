/** `studio status`: whether Studio runs here, and how it is. Exit status as systemctl: 0 running, 3 not. */
import { findHolder } from '../supervise/lock.ts';
import { print, printJson, readArguments, readConfig, type Command } from './command.ts';

interface Status {
  readonly running: boolean;
  readonly workspacePath: string;
  readonly mode: string;
  readonly pid?: number;
  readonly port?: number;
  readonly health?: { readonly status: string; readonly phase?: string };
}

const NOT_RUNNING = 3;

export const status: Command = async (args) => {
  const { values } = readArguments(args, { json: { type: 'boolean' } });
  const { config } = await readConfig(values.config);
  const holder = findHolder(config.workspacePath);
  const about = { workspacePath: config.workspacePath, mode: config.mode };
  const found: Status =
    holder === undefined
      ? { running: false, ...about }
      : {
          running: true,
          ...about,
          pid: holder.pid,
          port: holder.port,
          ...(await readHealth(config.tlsCertFile === undefined ? 'http' : 'https', config.host, holder.port)),
        };
  if (values.json === true) printJson(found);
  else if (!found.running) print(`Studio does not run on ${found.workspacePath}.`);
  else
    print(
      `Studio runs (pid ${found.pid}, port ${found.port}) on ${found.workspacePath}: ${found.health?.status ?? 'no answer'}${found.health?.phase === undefined ? '' : ` (${found.health.phase})`}`,
    );
  return found.running ? 0 : NOT_RUNNING;
};

async function readHealth(scheme: string, host: string, port: number): Promise<Pick<Status, 'health'>> {
  const name = ['0.0.0.0', '::'].includes(host) ? '127.0.0.1' : host;
  try {
    const reply = await fetch(`${scheme}://${name}:${port}/health`, { signal: AbortSignal.timeout(3_000) });
    return { health: (await reply.json()) as NonNullable<Status['health']> };
  } catch {
    return {}; // It holds the workspace and does not answer: shown as such.
  }
}
