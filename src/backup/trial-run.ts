/** Starts a Studio of its own on a copy, asks it to run a workflow, and stops it again: that the copy is more than bytes. It listens on the loopback alone,
 *  and gets nothing of this process's environment that could send it elsewhere. */
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createToken } from '../identity/operator.ts';
import { startChild, type Child } from '../kernel/child.ts';
import { systemClock } from '../kernel/clock.ts';
import { fail } from '../kernel/fail.ts';
import { freePort } from '../kernel/free-port.ts';
import { createLogger } from '../kernel/log.ts';
import { openDatabase } from '../store/client.ts';
import type { RoleConnections } from '../store/provision.ts';
import { readFirstSuperAdmin } from '../store/users.ts';
import type { StudioProgram } from '../supervise/own-program.ts';

export interface TrialOptions {
  readonly program: StudioProgram;
  /** The copy: a workspace. */
  readonly folder: string;
  /** Of its PostgreSQL. */
  readonly password: string;
  /** Undefined: nobody has claimed it. */
  readonly token: string | undefined;
  readonly signal: AbortSignal;
}

/** A start takes a second; on a machine under load half a minute was seen. */
const START_MS = 180_000;
const RUN_S = 60;
/** A port that another program takes in the moment between: then another one. */
const STARTS = 3;
const ADMIN = { email: 'proof@localhost.invalid', password: 'only for this copy, thrown away', name: 'Proof' } as const;

/** Runs a workflow with a step in the engine and a job on the copy. Its server is stopped: Studio starts it as its own.
 *  @throws AppError backup_unusable telling what did not work */
export async function tryStudio(options: TrialOptions): Promise<void> {
  for (let tries = 1; ; tries++) {
    const port = await freePort();
    const { command, args } = options.program;
    const child = await startChild({ command, args: [...args, 'start'], cwd: '/', env: environmentOf(options, port) });
    try {
      const at = `http://127.0.0.1:${port}`;
      if (await isReady(child, at, options.signal)) return await runWorkflow(at, options);
      const lines = child.lines().slice(-3).join(' | ');
      if (tries === STARTS || !lines.includes('is taken')) fail('backup_unusable', `Studio did not start on the copy: ${lines}`);
    } finally {
      await child.stop({ graceMs: 20_000 });
    }
  }
}

/** A key of the first administrator of the copy; undefined: nobody has claimed it. */
export async function keyFor(roles: RoleConnections): Promise<string | undefined> {
  const log = createLogger({ level: 'silent' });
  const database = openDatabase({ engine: { ...roles.engine, max: 1 }, api: { ...roles.api, max: 1 }, log });
  try {
    if ((await readFirstSuperAdmin(database.engine)) === undefined) return undefined;
    return (await createToken({ database, clock: systemClock, log }, { name: 'proof of a backup', scopes: ['*'] })).key;
  } finally {
    await database.close();
  }
}

function environmentOf({ folder, password }: TrialOptions, port: number): Record<string, string> {
  return {
    HOST: '127.0.0.1',
    PORT: String(port),
    WORKSPACE_PATH: folder,
    POSTGRES_PASSWORD: password,
    LOG_FORMAT: 'json',
    LOG_LEVEL: 'warn',
    STUDIO_DROP_FOLDER: 'false',
    // Nobody answers there.
    HF_ENDPOINT: 'http://127.0.0.1:9',
  };
}

async function isReady(child: Child, at: string, signal: AbortSignal): Promise<boolean> {
  const until = systemClock.monotonic() + START_MS;
  while (!child.hasExited() && systemClock.monotonic() < until) {
    const status = await fetch(`${at}/health`, { signal: AbortSignal.any([signal, AbortSignal.timeout(5_000)]) }).then(
      async (reply) => (await reply.body?.cancel(), reply.status),
      () => 0,
    );
    signal.throwIfAborted();
    if (status === 200) return true;
    await systemClock.sleep(50, signal); // Serial: a watch.
  }
  return false;
}

/** A step in the engine, whose output comes from the input, and a job that a worker claims. */
const WORKFLOW = {
  name: 'Proof of a backup',
  nodes: [
    { key: 'say', type: 'set', params: { values: { said: '{{ input.word }}' } } },
    { key: 'work', type: 'command', params: { command: ['true'] } },
  ],
  edges: [{ from: 'say', to: 'work' }],
} as const;

async function runWorkflow(at: string, options: TrialOptions): Promise<void> {
  const token = options.token ?? (await claim(at, options));
  const word = randomUUID();
  const ask = (path: string, body: object): Promise<Record<string, unknown>> => post(`${at}/api/v1/${path}`, { token, body, signal: options.signal });
  const { id } = await ask('workflows', WORKFLOW);
  const ran = await ask(`workflows/${String(id)}/instances?wait=${RUN_S}`, { input: { word } });
  if (ran['status'] !== 'completed')
    fail(
      'backup_unusable',
      `A workflow that was run on the copy is ${String(ran['status'])} after ${RUN_S} s: ${JSON.stringify(ran['error'] ?? ran['waiting'] ?? null)}`,
    );
}

async function claim(at: string, { folder, signal }: TrialOptions): Promise<string> {
  const token = /[?&#]token=([A-Za-z0-9_-]+)/.exec(await readFile(join(folder, 'claim-url'), 'utf8'))?.[1];
  const claimed = await post(`${at}/api/v1/auth/claim`, { body: { token, ...ADMIN }, signal });
  return String(claimed['accessToken']);
}

async function post(url: string, request: { readonly token?: string; readonly body: object; readonly signal: AbortSignal }): Promise<Record<string, unknown>> {
  const reply = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(request.token === undefined ? {} : { authorization: `Bearer ${request.token}` }) },
    body: JSON.stringify(request.body),
    signal: AbortSignal.any([request.signal, AbortSignal.timeout((RUN_S + 60) * 1_000)]),
  });
  const text = await reply.text();
  if (!reply.ok) fail('backup_unusable', `The Studio on the copy answered ${reply.status} to POST ${new URL(url).pathname}: ${text.slice(0, 300)}`);
  return JSON.parse(text) as Record<string, unknown>;
}
