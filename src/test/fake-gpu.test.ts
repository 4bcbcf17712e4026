import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { fakeGpu, holdMemory, type FakeGpu } from './fake-gpu.ts';

const run = promisify(execFile);
const ask = async (gpu: FakeGpu, ...args: string[]): Promise<string> => (await run('nvidia-smi', args, { env: { ...process.env, ...gpu.env } })).stdout;
const refused = (gpu: FakeGpu, ...args: string[]): Promise<{ code: number; stdout: string }> =>
  ask(gpu, ...args).then(
    () => assert.fail('it answered'),
    (error: { code: number; stdout: string }) => error,
  );
const USED = ['--query-gpu=index,memory.used', '--format=csv,noheader,nounits'];

test('the fake answers the fields it is asked for, in their order, and refuses one it does not know', async (t) => {
  const gpu = fakeGpu(t, 'one-24gb');
  assert.equal(await ask(gpu, '--query-gpu=name,index', '--format=csv,noheader'), 'NVIDIA GeForce RTX 4090, 0\n');
  assert.equal(await ask(gpu, '--query-gpu=name', '--format=csv'), 'name\nNVIDIA GeForce RTX 4090\n');
  assert.match((await refused(gpu, '--query-gpu=name,colour', '--format=csv')).stdout, /Field "colour" is not a valid field/);
});

test('a lost card fails the whole question and leaves the others when they are asked for one by one', async (t) => {
  const gpu = fakeGpu(t, 'eight-80gb');
  const [first = '', second = ''] = gpu.uuids;
  gpu.lose(second);
  const { code, stdout } = await refused(gpu, ...USED);
  assert.deepEqual(
    [code, stdout.trim()],
    [15, 'Unable to determine the device handle for GPU0000:43:00.0: GPU is lost.  Reboot the system to recover this GPU'],
  );
  assert.equal(await ask(gpu, ...USED, `--id=${first}`), '0, 4\n');
  gpu.find(second);
  gpu.remove(first);
  assert.equal((await ask(gpu, ...USED)).split('\n')[0], '1, 4');
});

test('processes take memory: those a test names, and real ones as long as they live', async (t) => {
  const gpu = fakeGpu(t, 'one-24gb');
  const [uuid = ''] = gpu.uuids;
  gpu.setProcesses([{ uuid, pid: 4711, memoryMib: 1_000, name: 'python, train.py' }]);
  const child = spawn('sh', ['-c', holdMemory(5_000, 600)], { env: { ...process.env, ...gpu.env, CUDA_VISIBLE_DEVICES: uuid } });
  t.after(() => child.kill('SIGKILL'));
  while (!(await ask(gpu, ...USED)).includes('6018'));
  assert.equal(
    await ask(gpu, '--query-compute-apps=gpu_uuid,pid,used_memory,process_name', '--format=csv,noheader,nounits'),
    `${uuid}, 4711, 1000, python, train.py\n${uuid}, ${child.pid}, 5000, python\n`,
  );
  child.kill('SIGKILL');
  await once(child, 'exit');
  assert.equal(await ask(gpu, ...USED), '0, 1018\n');
});

test('the fake fails and hangs until it works again', async (t) => {
  const gpu = fakeGpu(t, 'one-24gb');
  gpu.fail('Failed to initialize NVML: Driver/library version mismatch', 18);
  const { code, stdout } = await refused(gpu, ...USED);
  assert.deepEqual([code, stdout], [18, 'Failed to initialize NVML: Driver/library version mismatch\n']);
  gpu.work();
  gpu.hang();
  await assert.rejects(run('nvidia-smi', USED, { env: { ...process.env, ...gpu.env }, timeout: 300, killSignal: 'SIGKILL' }), { signal: 'SIGKILL' });
  gpu.work();
  assert.equal(await ask(gpu, ...USED), '0, 18\n');
});
