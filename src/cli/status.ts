/** `studio status`: whether Studio runs here, and how it is. Exit status as systemctl: 0 running, 3 not. With --ready it is 0 only when Studio also
 *  answers that it can work, else 1: for health checks of containers. */
import { request as requestPlain, type RequestOptions } from 'node:http';
import { request as requestSecure } from 'node:https';
import { findHolder } from '../supervise/lock.ts';
import { print, printJson, readArguments, readConfig, type Command } from './command.ts';

interface Status {
  readonly running: boolean;
  readonly workspacePath: string;
  readonly mode: string;
  readonly pid?: number;
  readonly port?: number;
  readonly health?: Health;
  readonly isReady?: boolean;
}

interface Health {
  readonly status: string;
  readonly phase?: string;
}

const NOT_RUNNING = 3;
const NOT_READY = 1;
const ANSWER_MS = 3_000;

export const status: Command = async (args) => {
  const { values } = readArguments(args, { json: { type: 'boolean' }, ready: { type: 'boolean' } });
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
          ...(await readHealth({ isSecure: config.tlsCertFile !== undefined, host: config.host, port: holder.port })),
        };
  if (values.json === true) printJson(found);
  else if (!found.running) print(`Studio does not run on ${found.workspacePath}.`);
  else
    print(
      `Studio runs (pid ${found.pid}, port ${found.port}) on ${found.workspacePath}: ${found.health?.status ?? 'no answer'}${found.health?.phase === undefined ? '' : ` (${found.health.phase})`}`,
    );
  if (!found.running) return NOT_RUNNING;
  return values.ready === true && found.isReady !== true ? NOT_READY : 0;
};

/** Of this very machine: whom the certificate names does not matter here. Nothing when it holds the workspace and does not answer. */
async function readHealth(at: { readonly isSecure: boolean; readonly host: string; readonly port: number }): Promise<Pick<Status, 'health' | 'isReady'>> {
  const host = ['0.0.0.0', '::'].includes(at.host) ? '127.0.0.1' : at.host;
  const send = at.isSecure ? requestSecure : requestPlain;
  const options: RequestOptions & { readonly rejectUnauthorized: boolean } = {
    ...{ host, port: at.port, path: '/health', agent: false, rejectUnauthorized: false },
    signal: AbortSignal.timeout(ANSWER_MS),
  };
  try {
    const { status, text } = await new Promise<{ status: number | undefined; text: string }>((resolve, reject) => {
      const sent = send(options, (reply) => {
        let read = '';
        reply.setEncoding('utf8').on('data', (part: string) => (read += part));
        reply.once('end', () => resolve({ status: reply.statusCode, text: read }));
        reply.once('error', reject);
      });
      sent.once('error', reject);
      sent.end();
    });
    return { health: JSON.parse(text) as Health, isReady: status === 200 };
  } catch {
    return {};
  }
}
