/** How large the pools are, by what this process may use: connections, memory of PostgreSQL and Redis, slots of the default queue. Pure: boot.ts reads the limits
 *  and hands each part its share. One thing to know: an ordinary machine of 2 to 8 cores and 2 GiB and more gets what was measured on such; only less or more
 *  than that changes anything. */
import type { MachineLimits } from '../kernel/machine-limits.ts';

export interface Sizing {
  /** Of the pool that engine and jobs write through. */
  readonly engineConnections: number;
  /** Of the pool that handlers read through. */
  readonly apiConnections: number;
  /** That the embedded PostgreSQL allows: both pools, and others': listeners, workers, backups, people with psql. */
  readonly maxConnections: number;
  /** The embedded PostgreSQL's. */
  readonly sharedBuffersBytes: number;
  /** The embedded Redis's. */
  readonly redisBytes: number;
  /** Of the queue `studio`, until somebody sets them. */
  readonly slots: number;
}

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;
/** For all who connect beside the two pools. */
const OTHER_CONNECTIONS = 40;
/** A slot that nobody uses costs some KiB: never fewer. */
const USUAL_CONNECTIONS = 60;
const SMALL_BYTES = GIB;
/** What a job takes that nobody knows more of. */
const JOB_BYTES = 128 * MIB;
const JOB_TASKS = 32;
/** As the first migration makes the queue. */
const USUAL_SLOTS = 4;
/** Fewer than these, and Node, PostgreSQL and Redis themselves are in the way. */
const OWN_TASKS = 200;
const FEW_FILES = 4_096;

/** What PostgreSQL is told of it. */
export function serverSettings({ maxConnections, sharedBuffersBytes }: Sizing): Readonly<Record<string, string>> {
  return { max_connections: String(maxConnections), shared_buffers: `${sharedBuffersBytes / MIB}MB` };
}

export function sizeFor({ processors, memoryBytes, tasks }: Pick<MachineLimits, 'processors' | 'memoryBytes' | 'tasks'>): Sizing {
  const isSmall = memoryBytes < SMALL_BYTES;
  // Beyond 8 cores one more connection for each two: more than cores can serve only wait in the server.
  const more = Math.min(20, Math.max(0, Math.floor((processors - 8) / 2)));
  const engineConnections = isSmall ? 6 : 12 + more;
  const apiConnections = isSmall ? 4 : 8 + more;
  const bySlots = [
    Math.max(USUAL_SLOTS, Math.floor(processors)),
    Math.floor(memoryBytes / 2 / JOB_BYTES),
    tasks === null ? Infinity : Math.floor((tasks - OWN_TASKS) / JOB_TASKS),
  ];
  return {
    ...{ engineConnections, apiConnections },
    maxConnections: Math.max(USUAL_CONNECTIONS, engineConnections + apiConnections + OTHER_CONNECTIONS),
    sharedBuffersBytes: shareOf(memoryBytes, { least: 16 * MIB, most: 256 * MIB }),
    redisBytes: shareOf(memoryBytes, { least: 16 * MIB, most: 256 * MIB }),
    slots: Math.max(1, Math.min(32, ...bySlots)),
  };
}

export interface TooLittle {
  readonly of: 'files' | 'tasks' | 'machine';
  readonly about: string;
  readonly remedy: string;
}

/** What is less than Studio wants, each with its remedy; none when all is well. */
export function tooLittle({ processors, memoryBytes, tasks, openFiles }: MachineLimits): readonly TooLittle[] {
  const found: readonly (TooLittle & { readonly isSo: boolean })[] = [
    {
      isSo: openFiles !== null && openFiles < FEW_FILES,
      of: 'files',
      about: `${openFiles} open files`,
      remedy: 'Raise it: ulimit -n 65536, --ulimit nofile=65536 of the container, or LimitNOFILE in the unit.',
    },
    {
      isSo: tasks !== null && tasks < OWN_TASKS + JOB_TASKS,
      of: 'tasks',
      about: `${tasks} processes and threads`,
      remedy: 'Raise it: --pids-limit 4096 of the container, or TasksMax in the unit.',
    },
    {
      isSo: memoryBytes < 3.5 * GIB || processors < 2,
      of: 'machine',
      about: `${processors} CPUs, ${(memoryBytes / GIB).toFixed(1)} GiB of memory`,
      remedy: 'Studio wants 4 GiB and 2 CPUs at least, 8 GiB and 4 CPUs for comfort.',
    },
  ];
  return found.flatMap(({ isSo, ...one }) => (isSo ? [one] : []));
}

/** A sixty-fourth, as a power of two, so that a little more memory changes nothing. */
function shareOf(memoryBytes: number, { least, most }: { readonly least: number; readonly most: number }): number {
  return Math.min(most, Math.max(least, 2 ** Math.floor(Math.log2(memoryBytes / 64))));
}
