/** The jobs under which Studio is killed: those that are hard to keep hold of, on cores and on cards. Each says how it must end and what its log must be. */
import { createHash } from 'node:crypto';

export interface JobKind {
  readonly name: string;
  /** Ends by itself while Studio is down. */
  readonly endsAway?: true;
  readonly isCancelled?: true;
  /** Begins only when another has ended. */
  readonly isLate?: true;
  readonly status: string;
  readonly exitCode?: number;
  body(mark: string, bytes: number): object;
  /** What its log must be; undefined: not judged to the byte. */
  log(bytes: number): { readonly bytes: number; readonly sha256: string } | undefined;
}

const LINE_BYTES = 1_000;
const GIB = 1024 ** 3;

const burstLogs = new Map<number, { readonly bytes: number; readonly sha256: string }>();

function burstLog(bytes: number): { readonly bytes: number; readonly sha256: string } {
  const known = burstLogs.get(bytes);
  if (known !== undefined) return known;
  const hash = createHash('sha256');
  const filler = 'x'.repeat(LINE_BYTES - 17);
  for (let line = 0; line < bytes / LINE_BYTES; line++) hash.update(`${String(line).padStart(15, '0')} ${filler}\n`);
  const log = { bytes, sha256: hash.digest('hex') };
  burstLogs.set(bytes, log);
  return log;
}

const BURST = `import sys, time
lines = int(sys.argv[1])
filler = b"x" * ${LINE_BYTES - 17}
out = sys.stdout.buffer
for i in range(lines):
    out.write(b"%015d " % i + filler + b"\\n")
out.flush()
sys.exit(5)
`;

/** Until the Studio that was asked is gone: its pid may be another's a moment later. */
const WHILE_STUDIO = `while [ "$(cut -d' ' -f22 /proc/$STUDIO_PID/stat 2>/dev/null)" = $STUDIO_BORN ]; do sleep 0.05; done`;

export const cpuKinds: readonly JobKind[] = [
  {
    name: 'forks',
    status: 'completed',
    exitCode: 0,
    body: (mark) => ({
      script: `echo ready; (setsid sh -c 'env -i setsid sleep ${mark} & sleep ${mark}' &) ; (setsid setsid sleep ${mark} &) ; sleep 4; echo done`,
    }),
    log: () => undefined,
  },
  {
    name: 'stubborn',
    status: 'cancelled',
    isCancelled: true,
    body: (mark) => ({ script: `trap '' TERM INT HUP; (trap '' TERM; setsid sleep ${mark} &); echo ready; while :; do sleep ${mark}; done` }),
    log: () => undefined,
  },
  {
    name: 'burst',
    status: 'failed',
    exitCode: 5,
    body: (_mark, bytes) => ({ command: ['python3', '-c', BURST, String(bytes / LINE_BYTES)] }),
    log: burstLog,
  },
  {
    name: 'ends away',
    endsAway: true,
    status: 'failed',
    exitCode: 7,
    body: (mark) => ({ script: `echo ready; ${WHILE_STUDIO}; echo ${mark}; sleep 0.2; exit 7` }),
    log: () => undefined,
  },
];

/** What a process of the job takes of its card. */
const take = (mib: number): string => `echo "$CUDA_VISIBLE_DEVICES, ${mib}, $STUDIO_JOB_ID" > "$FAKE_GPU/processes/$$"`;
const onCards = (resources: object, script: string): object => ({ queue: 'gpu', resources, script, timeoutMs: 600_000 });

/** For two cards of 80 GB: one is taken whole, the other shared by two, and the last waits for a whole one. @param state where the fake's files lie */
export function gpuKinds(state: string): readonly JobKind[] {
  const kind = (facts: Omit<JobKind, 'log' | 'body'>, resources: object, script: (mark: string) => string): JobKind => ({
    ...facts,
    body: (mark) => ({ ...onCards(resources, script(mark)), env: { FAKE_GPU: state } }),
    log: () => undefined,
  });
  return [
    kind({ name: 'whole card, forks', status: 'completed', exitCode: 0 }, { gpus: 1 }, (mark) => {
      const forked = `setsid sh -c '${take(9_000)}; sleep ${mark}' &`;
      return `${take(60_000)}; (${forked}); echo ready; sleep 8; echo done`;
    }),
    kind({ name: 'share, stubborn', status: 'cancelled', isCancelled: true }, { vramBytes: 30 * GIB }, (mark) => {
      return `trap '' TERM INT HUP; ${take(30_000)}; echo ready; while :; do sleep ${mark}; done`;
    }),
    kind({ name: 'share, ends away', status: 'failed', exitCode: 7, endsAway: true }, { vramBytes: 30 * GIB }, () => {
      return `${take(30_000)}; echo ready; ${WHILE_STUDIO}; sleep 0.2; exit 7`;
    }),
    kind({ name: 'whole card, waits', status: 'completed', exitCode: 0, isLate: true }, { gpus: 1 }, () => `${take(70_000)}; echo ready; sleep 1`),
  ];
}
