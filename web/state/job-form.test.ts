import { deepEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { emptyJob, jobBody } from './job-form.ts';

test('a form makes a submission of what was filled in, and nothing else', () => {
  deepEqual(jobBody({ ...emptyJob(), text: 'echo hi\n' }), { body: { script: 'echo hi\n', queue: 'studio' } });
  const full = jobBody({
    ...emptyJob(),
    name: ' train ',
    kind: 'command',
    text: 'python\ntrain.py\n--lr={{ matrix.lr }}\n',
    priority: 'high',
    gpus: '1',
    vram: '1.5',
    files: 'train.py = code/train.py\n',
    env: 'A=b=c',
    requirements: 'torch',
    matrix: 'lr = 0.1, 1e-2\nflag = true,x',
    attempts: '3',
    minutes: '90',
    after: 'job_1, grp_2',
    preemptible: true,
  });
  deepEqual(full, {
    body: {
      name: 'train',
      command: ['python', 'train.py', '--lr={{ matrix.lr }}'],
      queue: 'studio',
      priority: 'high',
      resources: { gpus: 1, vramBytes: 1_610_612_736 },
      files: { 'train.py': 'code/train.py' },
      env: { A: 'b=c' },
      requirements: 'torch',
      matrix: { lr: [0.1, '1e-2'], flag: [true, 'x'] },
      retry: { maxAttempts: 3 },
      timeoutMs: 5_400_000,
      dependsOn: ['job_1', 'grp_2'],
      preemptible: true,
    },
  });
});

test('what is wrong is told at its field', () => {
  deepEqual(jobBody({ ...emptyJob(), gpus: '1.5', env: 'novalue', array: '2', matrix: 'a=1' }), {
    faults: {
      text: 'Something has to run.',
      gpus: 'A whole number from 0 on.',
      env: '"novalue" has no "=" after a name.',
      array: 'Copies or a matrix, not both.',
    },
  });
});

test('a job is submitted again as it was, what the form has no field for included', () => {
  const spec = { command: ['cat', 'a'], files: { a: 'x/a', b: { text: 'y' } }, env: { K: 'v' }, stdin: 'in', cwd: 'sub' };
  deepEqual(jobBody(emptyJob(spec, 'again')), { body: { ...spec, name: 'again', queue: 'studio' } });
});
