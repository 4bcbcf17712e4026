/** Failpoints: named places where a test makes the process crash, fail or wait. Off unless STUDIO_FAILPOINT is set or a test sets a hook.
 *  `STUDIO_FAILPOINT=journal.before_commit:crash@3` kills this process the third time it comes by; `:error` throws, `:sleep500` waits.
 *  The list is closed: engine/failpoints.test.ts crashes at each of them, and fails for one that it can't reach. */

export const failpointNames = [
  'start.staged',
  'start.batch_written',
  'journal.before_commit',
  'journal.after_commit',
  'recover.adopted',
  'job.before_wake',
  'job.ended',
  'command.start',
  'command.pause',
  'command.resume',
  'command.cancel',
  'command.retry',
  'notify.before_commit',
  'notify.before_send',
  'notify.sent',
  'migrate.statement',
] as const;
export type FailpointName = (typeof failpointNames)[number];

/** Called at each failpoint. A promise is awaited where the place can wait. */
export type FailpointHook = (name: FailpointName) => void | Promise<void>;

let hook: FailpointHook | undefined = fromText(process.env['STUDIO_FAILPOINT'], () => process.kill(process.pid, 'SIGKILL'));

/** Passes a failpoint: free when none is set. */
export function failpoint(name: FailpointName): void | Promise<void> {
  return hook?.(name);
}

/** For tests. @returns a function that restores what was set before */
export function setFailpoints(next: FailpointHook | undefined): () => void {
  const before = hook;
  hook = next;
  return () => {
    hook = before;
  };
}

/** Parses `name:action@n`, several joined by commas. @throws Error that names what can't be read, or is no failpoint */
export function fromText(text: string | undefined, crash: () => void): FailpointHook | undefined {
  if (text === undefined || text === '') return undefined;
  const points = text.split(',').map((one) => {
    const match = /^([a-z_.]+):(crash|error|sleep(\d+))(?:@(\d+))?$/.exec(one.trim());
    if (match?.[1] === undefined || match[2] === undefined) throw new Error(`STUDIO_FAILPOINT "${one}" is not name:crash|error|sleepMS[@n]`);
    if (!failpointNames.some((name) => name === match[1])) throw new Error(`STUDIO_FAILPOINT names "${match[1]}"; there are ${failpointNames.join(', ')}`);
    return { name: match[1], action: match[2], sleepMs: Number(match[3] ?? 0), at: Number(match[4] ?? 1), passed: 0 };
  });
  return (name) => {
    for (const point of points) {
      if (point.name !== name || ++point.passed !== point.at) continue;
      if (point.action === 'crash') return crash();
      if (point.action === 'error') throw new Error(`failpoint ${name}`);
      return new Promise((resolve) => setTimeout(resolve, point.sleepMs));
    }
  };
}
