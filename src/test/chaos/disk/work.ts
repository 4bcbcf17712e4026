/** What the disk campaigns do to a Studio and expect of it: submit runs and upload files, keep what was acknowledged, and look for all of it afterwards. */
import { createHash, randomBytes } from 'node:crypto';
import { asObject, type ApiClient, type ApiReply } from '../../api-client.ts';
import { pause } from '../hands.ts';

export interface DiskWork {
  /** Ids of instances that Studio said it has. */
  readonly instances: readonly string[];
  /** sha256 by path of files that Studio said it has. */
  readonly files: ReadonlyMap<string, string>;
  /** How often each status was answered; 0: no answer. */
  readonly statuses: ReadonlyMap<number, number>;
  /** How long each answered submit took, ms. */
  readonly submitMs: readonly number[];
  stop(): Promise<void>;
}

const STEPS = ['a', 'b', 'c'];
const FILE_BYTES = 10_000;

export async function publishWork(client: ApiClient): Promise<string> {
  const nodes = STEPS.map((key) => ({ key, type: 'log', params: { message: '{{ input.n }}' } }));
  const edges = [
    { from: 'a', to: 'b' },
    { from: 'b', to: 'c' },
  ];
  return String((await client.expect(201, 'POST', '/api/v1/workflows', { name: 'disk', nodes, edges }))['id']);
}

/** Submits and uploads without a pause until it is stopped. @param label makes this round's files its own */
export function startWork(client: ApiClient, workflowId: string, label: string): DiskWork {
  const instances: string[] = [];
  const files = new Map<string, string>();
  const statuses = new Map<number, number>();
  const submitMs: number[] = [];
  let isStopped = false;
  const note = async (call: Promise<ApiReply>): Promise<ApiReply | undefined> => {
    const reply = await call.catch(() => undefined);
    statuses.set(reply?.status ?? 0, (statuses.get(reply?.status ?? 0) ?? 0) + 1);
    if (reply === undefined || reply.status >= 500) await pause(50);
    return reply;
  };
  const submitter = async (): Promise<void> => {
    for (let n = 0; !isStopped; n++) {
      const startedMs = performance.now();
      const reply = await note(client.call('POST', `/api/v1/workflows/${workflowId}/instances`, { body: { input: { n } }, timeoutMs: 20_000 }));
      if (reply?.status !== 201) continue;
      submitMs.push(performance.now() - startedMs);
      instances.push(String(asObject(reply.body)['id']));
    }
  };
  const uploader = async (): Promise<void> => {
    for (let n = 0; !isStopped; n++) {
      const body = randomBytes(FILE_BYTES).toString('hex');
      const path = `disk/${label}-${n}`;
      const reply = await note(client.call('PUT', `/api/v1/files/${path}`, { body, timeoutMs: 20_000 }));
      if (reply?.status === 200) files.set(path, createHash('sha256').update(body).digest('hex'));
      await pause(20);
    }
  };
  const lanes = [submitter(), submitter(), uploader()];
  return {
    instances,
    files,
    statuses,
    submitMs,
    async stop() {
      isStopped = true;
      await Promise.all(lanes);
    },
  };
}

const SETTLE_MS = 240_000;

/** What of `work` is not as it was acknowledged: instances that are gone or do not complete, files that are gone or differ. */
export async function findDamage(client: ApiClient, work: Pick<DiskWork, 'instances' | 'files'>): Promise<string[]> {
  const faults: string[] = [];
  const deadline = performance.now() + SETTLE_MS;
  for (const id of work.instances) {
    // Serial: the first that is not over yet is waited for, then the others are.
    let status: unknown;
    do {
      const reply = await client.call('GET', `/api/v1/instances/${id}`);
      status = reply.status === 200 ? asObject(reply.body)['status'] : `answer ${reply.status}`;
      if (status === 'completed' || String(status).startsWith('answer 404')) break;
      await pause(50);
    } while (performance.now() < deadline);
    if (status !== 'completed') faults.push(`${id}: ${String(status)}`);
  }
  for (const [path, sha256] of work.files) {
    const reply = await client.call('GET', `/api/v1/files/${path}`);
    const found = createHash('sha256').update(reply.text).digest('hex');
    if (reply.status !== 200 || found !== sha256) faults.push(`${path}: answer ${reply.status}, sha256 ${found} instead of ${sha256}`);
  }
  return faults;
}
