/** Studio with few file descriptors, and more callers than it has of them: it refuses, and does not end. */
import { execFileSync } from 'node:child_process';
import { connect, type Socket } from 'node:net';
import { asObject } from '../../api-client.ts';
import { claimStudio, createStudio } from '../../studio-process.ts';
import { pause } from '../hands.ts';

export interface DescriptorReport {
  readonly faults: readonly string[];
  /** Connections that were opened beyond what Studio can take. */
  readonly opened: number;
  readonly answered: number;
  /** From the end of the crowd to the next finished run, ms. */
  readonly recoverMs: number;
}

const LIMIT = 256;
const CROWD = 400;
const CROWD_MS = 5_000;
const PATIENCE_MS = 60_000;

export async function runFewDescriptors(onLine: (line: string) => void): Promise<DescriptorReport> {
  const studio = await createStudio();
  const faults: string[] = [];
  const crowd: Socket[] = [];
  try {
    await studio.start();
    const client = await claimStudio(studio);
    const made = await client.expect(201, 'POST', '/api/v1/workflows', {
      name: 'few',
      nodes: [{ key: 'a', type: 'log', params: { message: 'x' } }],
      edges: [],
    });
    const pid = studio.pid();
    execFileSync('prlimit', ['--pid', String(pid), `--nofile=${LIMIT}:${LIMIT}`]);
    const { hostname, port } = new URL(studio.url);
    for (let n = 0; n < CROWD; n++) crowd.push(connect({ host: hostname, port: Number(port) }).on('error', () => undefined));
    let answered = 0;
    const overMs = performance.now() + CROWD_MS;
    while (performance.now() < overMs) {
      const reply = await client.call('GET', '/health', { timeoutMs: 1_000 }).catch(() => undefined);
      if (reply !== undefined) answered += 1;
      if (reply !== undefined && ![200, 503].includes(reply.status)) faults.push(`answered ${reply.status}`);
      await pause(100);
    }
    for (const socket of crowd) socket.destroy();
    const endedMs = performance.now();
    for (;;) {
      const reply = await client
        .call('POST', `/api/v1/workflows/${String(made['id'])}/instances?wait=5`, { body: { input: {} }, timeoutMs: 10_000 })
        .catch(() => undefined);
      if (reply !== undefined && reply.status < 300 && asObject(reply.body)['status'] === 'completed') break;
      if (performance.now() - endedMs > PATIENCE_MS) {
        faults.push('no run went through after the crowd was gone');
        break;
      }
      await pause(50);
    }
    const recoverMs = Math.round(performance.now() - endedMs);
    if (studio.pid() !== pid) faults.push('Studio ended');
    onLine(
      `descriptors: ${CROWD} connections against ${LIMIT} descriptors, ${answered} answers meanwhile, a run ${recoverMs} ms after; ${faults.length} faults`,
    );
    return { faults, opened: CROWD, answered, recoverMs };
  } finally {
    for (const socket of crowd) socket.destroy();
    await studio.destroy();
  }
}
