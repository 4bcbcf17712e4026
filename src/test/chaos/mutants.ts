/** Seeded faults of the engine, the journal and the queues: small changes of the sources, each of which would break a promise. The chaos
 *  checks must turn red for every one of them, or they prove nothing. A change whose text is not there exactly once is an error: the sources
 *  have moved, and the mutant has to follow. */

export interface Mutant {
  readonly name: string;
  /** The promise that it breaks. */
  readonly breaks: string;
  readonly edits: readonly Edit[];
  /** Which check has to see it: `storm` crashes engines, `claims` races workers. */
  readonly check: 'storm' | 'claims';
}

export interface Edit {
  /** Below src/. */
  readonly file: string;
  readonly search: string;
  readonly replace: string;
}

const edit = (file: string, search: string, replace: string): Edit => ({ file, search, replace });

export const mutants: readonly Mutant[] = [
  {
    name: 'ack before commit',
    breaks: 'an acknowledged start survives',
    edits: [edit('engine/start.ts', '    await durable(core, live);\n    if (limits', '    void durable(core, live).catch(() => undefined);\n    if (limits')],
    check: 'storm',
  },
  {
    name: 'claim without lock',
    breaks: 'a job is in one pair of hands, and slots are kept',
    edits: [
      edit('store/job-claims.ts', ` and state = 'running' for no key update\``, ` and state = 'running'\``),
      edit('store/job-claims.ts', ` where queue = $1 and status = 'running'))) for update skip locked`, ` where queue = $1 and status = 'running')))`),
    ],
    check: 'claims',
  },
  {
    name: 'no fence',
    breaks: 'who was taken for dead commits nothing',
    edits: [
      edit(
        'store/journal-statement.ts',
        'select epoch from owners where id = $1 and epoch = $2 for share',
        'select $2::bigint as epoch where $1::text is not null',
      ),
    ],
    check: 'storm',
  },
  {
    name: 'late commit under a new epoch',
    breaks: 'who comes back writes nothing of what it held before',
    edits: [edit('engine/ownership.ts', '    await core.journal.drained();\n    await registerOwner(core);', '    await registerOwner(core);')],
    check: 'storm',
  },
  {
    name: 'one owner twice',
    breaks: 'a process that comes back is one owner',
    edits: [edit('engine/ownership.ts', '    beating ??= beatOnce().finally(() => (beating = undefined));\n    return beating;', '    return beatOnce();')],
    check: 'storm',
  },
  {
    name: 'takes from the living',
    breaks: 'a living owner keeps what it has',
    edits: [
      edit(
        'store/instances.ts',
        'and owner_epoch is not null and owner_epoch not in (select epoch from owners) order by epoch',
        'and owner_epoch is not null order by epoch',
      ),
    ],
    check: 'storm',
  },
  {
    name: 'lost wake-up',
    breaks: 'what a commit allows starts',
    edits: [
      edit(
        'engine/stage.ts',
        '    for (const ready of starts) core.ready.push(ready);\n    pumpSoon(core);',
        '    for (const ready of starts) core.ready.push(ready);',
      ),
    ],
    check: 'storm',
  },
  {
    name: 'double timer',
    breaks: 'a timer fires once',
    edits: [
      edit(
        'engine/timers.ts',
        '    core.turns.onTimer(frame, node);',
        '    core.turns.onTimer(frame, node);\n    setImmediate(() => core.turns.onTimer(frame, node));',
      ),
    ],
    check: 'storm',
  },
  {
    name: 'early timer',
    breaks: 'a timer never fires early',
    edits: [
      edit(
        'engine/timers.ts',
        'const leftMs = Date.parse(step.wait.until) - core.clock.now();',
        'const leftMs = (Date.parse(step.wait.until) - core.clock.now()) / 4;',
      ),
      edit('engine/timers.ts', `    if (Date.parse(step.wait?.until ?? '') > core.clock.now()) return armTimer(core, frame, node);\n`, ''),
    ],
    check: 'storm',
  },
  {
    name: 'forgotten timer',
    breaks: 'a wait outlives the process',
    edits: [edit('engine/continue-frame.ts', '    armTimer(core, frame, node);\n    return false;', '    return false;')],
    check: 'storm',
  },
  {
    name: 'generation used again',
    breaks: 'an ended step changes only by a new generation',
    edits: [
      edit(
        'engine/frame.ts',
        '  const generation = (frame.generations[node.index] ?? 0) + 1;',
        '  const generation = Math.max(1, frame.generations[node.index] ?? 0);',
      ),
    ],
    check: 'storm',
  },
  {
    name: 'outbox after the commit',
    breaks: 'a change and its event are one',
    edits: [
      edit(
        'engine/journal.ts',
        '    await store.writeGroups(fence, batch, jobs);',
        `    await store.writeGroups(fence, { ...batch, events: [] }, jobs);
    await failpoint('journal.after_commit');
    if (!isStopped) await store.writeGroups(fence, { created: [], inserts: [], updates: [], instances: [], attempts: [], logs: [], events: batch.events }, []);`,
      ),
    ],
    check: 'storm',
  },
  {
    name: 'start before durable',
    breaks: 'a step starts when what allows it is recorded',
    edits: [
      edit(
        'engine/advance.ts',
        '  live.startsAfter.push(...ready);\n  flushSoon(core, live);',
        '  for (const one of ready) core.ready.push(one);\n  flushSoon(core, live);\n  core.pump();',
      ),
    ],
    check: 'storm',
  },
  {
    name: 'bisect drops neighbours',
    breaks: 'a refused group falls alone',
    edits: [
      edit(
        'engine/journal.ts',
        'for (const entry of await write(entries.slice(0, middle), isAmbiguous)) tell(entry);',
        'for (const entry of entries.slice(0, middle)) tell(entry);',
      ),
    ],
    check: 'storm',
  },
  {
    name: 'lost connection counts as written',
    breaks: 'what is told as durable is',
    edits: [edit('engine/journal.ts', '          ambiguous ||= isConnectionLoss(error);', '          if (isConnectionLoss(error)) return entries;')],
    check: 'storm',
  },
  {
    name: 'cancel forgets jobs',
    breaks: 'no job outlives its step',
    edits: [
      edit(
        'engine/advance.ts',
        '  for (const jobId of outside.jobIds) patiently(core, () => core.parts.jobs.cancel(jobId, reason)).catch((error: unknown) => report(error, { jobId }));\n',
        '',
      ),
    ],
    check: 'storm',
  },
  {
    name: 'join counts twice',
    breaks: 'a fan-in waits for all',
    edits: [
      edit(
        'engine/plan.ts',
        '    plan.settled[edge.to] = (plan.settled[edge.to] ?? 0) + 1;',
        '    plan.settled[edge.to] = Math.min(plan.graph.nodes[edge.to]?.incoming.length ?? 0, (plan.settled[edge.to] ?? 0) + 2);',
      ),
    ],
    check: 'storm',
  },
  {
    name: 'skip does not spread',
    breaks: 'what can not be reached is skipped',
    edits: [edit('engine/plan.ts', `  for (const skip of skipped) settle(plan, skip.node, { kind: 'skipped' }, NONE, { ready, skipped, late });\n`, '')],
    check: 'storm',
  },
  {
    name: 'start is not idempotent',
    breaks: 'tries of one request start one instance',
    edits: [
      edit(
        'engine/start.ts',
        `  const id = request.id ?? newId('inst', core.clock);\n  if (request.id !== undefined && request.isNew`,
        `  const id = newId('inst', core.clock);\n  if (request.id !== undefined && request.isNew`,
      ),
    ],
    check: 'storm',
  },
  {
    name: 'sweep takes live jobs',
    breaks: 'only jobs without a live step are cancelled',
    edits: [
      edit(
        'store/stored-steps.ts',
        ` and j.cancel_requested_at is null\n       and (s.status is null or s.status not in ('queued', 'running', 'waiting')) order by j.id limit $1`,
        ` and j.cancel_requested_at is null\n       order by j.id limit $1`,
      ),
    ],
    check: 'storm',
  },
  {
    name: 'sequence starts over',
    breaks: 'a stream has no gap and no number twice',
    edits: [
      edit(
        'store/instances.ts',
        '`select ${STORED}, greatest(i.seq, (select max(s.seq) from steps s where s.instance_id = i.id and s.instance_id >= $2 and s.instance_id <= $3)) as seq',
        '`select ${STORED}, i.seq + 0 * length($2) * length($3) as seq',
      ),
    ],
    check: 'storm',
  },
];
