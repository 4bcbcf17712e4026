/** What the kernel tells of processes that it killed for want of memory. It does not tell which: whoever lost one to SIGKILL compares before and after. */
import { readFileSync } from 'node:fs';

/** How often it has: in this container's group where it tells, else since boot; undefined where nothing counts. */
export function oomKills(): number | undefined {
  const counts = ['/sys/fs/cgroup/memory.events', '/sys/fs/cgroup/memory/memory.oom_control', '/proc/vmstat']
    .map(countIn)
    .filter((count) => count !== undefined);
  return counts.length === 0 ? undefined : Math.max(...counts);
}

function countIn(path: string): number | undefined {
  try {
    const found = /^oom_kill (\d+)$/m.exec(readFileSync(path, 'latin1'))?.[1];
    return found === undefined ? undefined : Number(found);
  } catch {
    return undefined;
  }
}
