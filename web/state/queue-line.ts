/** What moving a job within its queue's line means: only priorities are kept, and of equal ones the older goes first. Pure. */

interface Waiting {
  readonly id: string;
  readonly priority: number;
}

const MOST = 100;

/** The priority with which `moved` stands right before `target`; undefined: it stands before it already, or can't. Ids begin with their time.
 *  Where the two are equal in it and `moved` is younger, it must be one more, and so passes all that have the target's. */
export function priorityBefore(moved: Waiting, target: Waiting): number | undefined {
  const isOlder = moved.id < target.id;
  const needed = isOlder ? target.priority : target.priority + 1;
  const stands = moved.priority > target.priority || (moved.priority === target.priority && isOlder);
  return stands || needed > MOST ? undefined : needed;
}

/** The priority with which `moved` stands right behind `target`; undefined: it stands behind it already, or can't. */
export function priorityAfter(moved: Waiting, target: Waiting): number | undefined {
  const isYounger = moved.id > target.id;
  const needed = isYounger ? target.priority : target.priority - 1;
  const stands = moved.priority < target.priority || (moved.priority === target.priority && isYounger);
  return stands || needed < 0 ? undefined : needed;
}

/** What a drop on another job asks for: before it from below, behind it from above. */
export function priorityForDrop(line: readonly Waiting[], movedId: string, targetId: string): number | undefined {
  const from = line.findIndex((job) => job.id === movedId);
  const to = line.findIndex((job) => job.id === targetId);
  const [moved, target] = [line[from], line[to]];
  if (moved === undefined || target === undefined || from === to) return undefined;
  return to < from ? priorityBefore(moved, target) : priorityAfter(moved, target);
}
