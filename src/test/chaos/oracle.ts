/** The receiver of effects in a chaos campaign: it lives outside Studio and notes every execution of a step before it answers.
 *  HTTP steps call it; command steps append to its file. It delays answers, so that kills meet steps in flight. */
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Execution } from './history.ts';

export interface Oracle {
  readonly port: number;
  /** Where command steps append a line: `run step id`. */
  readonly file: string;
  executions(): Execution[];
  close(): Promise<void>;
}

/** @param now the campaign's clock, ms  @param random in [0, 1) */
export async function startOracle(now: () => number, random: () => number): Promise<Oracle> {
  const seen: Execution[] = [];
  const folder = mkdtempSync(join(tmpdir(), 'studio-oracle-'));
  const file = join(folder, 'executions');
  // Jobs may run as another account.
  writeFileSync(file, '');
  chmodSync(folder, 0o711);
  chmodSync(file, 0o666);
  const server = createServer((request, response) => {
    const { searchParams } = new URL(request.url ?? '/', 'http://oracle');
    const id = `h${seen.length}`;
    seen.push({ id, run: searchParams.get('run') ?? '', step: searchParams.get('step') ?? '', at: now() });
    request.resume();
    setTimeout(() => response.setHeader('content-type', 'application/json').end(JSON.stringify({ execution: id })), random() * 60);
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

/** Lines `run step id epochMs`, each written by one append. */
function readLines(file: string): Execution[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [run = '', step = '', id = '', at = '0'] = line.split(' ');
      return { id, run, step, at: Number(at) };
    });
}
