/** The receiver of effects in a chaos campaign: it lives outside Studio and notes every execution of a step before it answers.
 *  HTTP steps call it; command steps append to its file. It delays answers, so that kills meet steps in flight, and refuses when asked to. */
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Execution } from './history.ts';

export interface Oracle {
  readonly port: number;
  /** Where command steps append a line: `run step id epochMs key`. */
  readonly file: string;
  executions(): Execution[];
  close(): Promise<void>;
}

/** @param now the campaign's clock, ms  @param random in [0, 1) */
export async function startOracle(now: () => number, random: () => number): Promise<Oracle> {
  const seen: Execution[] = [];
  const asked = new Map<string, number>();
  const folder = mkdtempSync(join(tmpdir(), 'studio-oracle-'));
  const file = join(folder, 'executions');
  // Jobs may run as another account.
  writeFileSync(file, '');
  chmodSync(folder, 0o711);
  chmodSync(file, 0o666);

  /** `?refuse=n&status=s`: the first n executions of this step of this run are refused with s. */
  const note = (request: IncomingMessage): { readonly id: string; readonly status: number } => {
    const { searchParams } = new URL(request.url ?? '/', 'http://oracle');
    const [run, step] = [searchParams.get('run') ?? '', searchParams.get('step') ?? ''];
    const id = `h${seen.length}`;
    const times = (asked.get(`${run} ${step}`) ?? 0) + 1;
    asked.set(`${run} ${step}`, times);
    const isRefused = times <= Number(searchParams.get('refuse') ?? 0);
    seen.push({ id, run, step, key: String(request.headers['idempotency-key'] ?? ''), at: now(), isRefused });
    return { id, status: isRefused ? Number(searchParams.get('status') ?? 503) : 200 };
  };

  const server = createServer((request, response) => {
    const { id, status } = note(request);
    request.resume();
    setTimeout(() => response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ execution: id })), random() * 60);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('the oracle has no port');
  return {
    port: address.port,
    file,
    executions: () => [...seen, ...readLines(file)],
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Each line is written by one append, and synced before the step goes on. */
function readLines(file: string): Execution[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [run = '', step = '', id = '', at = '0', key = ''] = line.split(' ');
      return { id, run, step, key, at: Number(at), isRefused: false };
    });
}
