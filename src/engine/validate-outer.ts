/** What a definition's graph alone does not tell: when triggers fire, which queues this machine has, which workflows it can call. Reads the store. */
import type { Definition, GraphNode, Problem } from '../contract/graph.ts';
import type { Role } from '../contract/values.ts';
import { findQueues } from '../store/queues.ts';
import { findWorkflows } from '../store/workflows.ts';
import type { Core } from './core.ts';
import { credentialProblems } from './credentials.ts';
import { levelsOf, placeOf, type Level } from './levels.ts';
import { orderOf } from './order.ts';
import { validateTriggers } from './trigger-faults.ts';
import { notifyProblems } from './validate-notify.ts';

/** Whose definition is judged. */
export interface Subject {
  readonly orgId: string;
  /** Undefined: it is no workflow yet. */
  readonly workflowId?: string | undefined;
  /** In whose name it would run. */
  readonly userId: string;
  readonly role: Role;
}

/** @param definition one whose graph has been judged: cycles here give no wrong answer, only fewer */
export async function outerProblems(core: Core, definition: Definition, subject: Subject): Promise<readonly Problem[]> {
  const { levels } = levelsOf(definition, core.parts.nodeTypes);
  const nodes = levels.flatMap((level) => level.nodes.map((node, index) => ({ level, index, node, path: placeOf(level, 'nodes', index) })));
  return [
    ...validateTriggers(definition.triggers ?? [], { nowMs: core.clock.now(), hasInputSchema: definition.inputSchema !== undefined }),
    ...notifyProblems(core.parts.notify, definition, nodes),
    ...(await queueProblems(core, nodes)),
    ...(await callProblems(core, nodes, subject)),
    ...(await credentialProblems(core, definition, subject)),
  ];
}

interface Placed {
  readonly level: Level;
  readonly index: number;
  readonly node: GraphNode;
  readonly path: string;
}

async function queueProblems(core: Core, nodes: readonly Placed[]): Promise<readonly Problem[]> {
  const asked = nodes.filter(({ node }) => node.queue !== undefined || node.resources !== undefined);
  if (asked.length === 0) return [];
  const known = await findQueues(
    core.parts.database.engine,
    asked.flatMap(({ node }) => node.queue ?? []),
  );
  return asked.flatMap((placed): readonly Problem[] => {
    const { node, path } = placed;
    if (node.queue === undefined || known.has(node.queue)) return resourceProblems(core, placed, known.get(node.queue ?? '') ?? 0);
    const message = `there is no queue "${node.queue}"; GET /api/v1/queues lists them, PATCH /api/v1/queues/{name} makes one`;
    return [{ node: node.key, path: `${path}.queue`, code: 'unknown_queue', message }];
  });
}

/** What this machine could never give a step would keep it waiting for ever. */
function resourceProblems(core: Core, { node, path }: Placed, defaultGpus: number): readonly Problem[] {
  const asked = node.resources ?? {};
  const isDefault = defaultGpus > 0 && asked.gpus === undefined && asked.vramBytes === undefined;
  const never = core.parts.neverRuns?.(isDefault ? { ...asked, gpus: defaultGpus } : asked);
  if (never === undefined) return [];
  const hint = isDefault ? `; the queue ${node.queue ?? ''} gives each job a GPU unless resources.gpus says otherwise` : '';
  return [
    {
      node: node.key,
      path: `${path}.${isDefault ? 'queue' : 'resources'}`,
      code: 'unsatisfiable',
      message: `"${node.key}" could never run here: ${never}${hint}`,
    },
  ];
}

/** Calls of workflows that are named, not computed. */
async function callProblems(core: Core, nodes: readonly Placed[], subject: Subject): Promise<readonly Problem[]> {
  const calls = nodes.flatMap((placed) => {
    const id = placed.node.type === 'workflow.call' ? placed.node.params?.['workflowId'] : undefined;
    return typeof id === 'string' && !id.includes('{{') ? [{ ...placed, id }] : [];
  });
  if (calls.length === 0) return [];
  const known = await findWorkflows(core.parts.database.engine, { orgId: subject.orgId, ids: calls.map(({ id }) => id) });
  return calls.flatMap(({ level, index, node, path, id }): readonly Problem[] => {
    const found = known.get(id);
    const at = { node: node.key, path: `${path}.params.workflowId` };
    if (found === undefined)
      return [{ ...at, code: 'unknown_workflow', message: `there is no workflow "${id.slice(0, 80)}" to call; GET /api/v1/workflows lists them` }];
    if (found.isArchived)
      return [{ ...at, code: 'archived_workflow', message: `workflow ${id} is archived and starts nothing; call another, or publish it again` }];
    const version = node.params?.['version'];
    if (typeof version === 'number' && version > found.version)
      return [
        { ...at, path: `${path}.params.version`, code: 'unknown_version', message: `workflow ${id} has no version ${version}; the newest is ${found.version}` },
      ];
    if (id !== subject.workflowId || !isCertain(level, index)) return [];
    return [
      { ...at, code: 'calls_itself', message: `"${node.key}" calls its own workflow each time it runs, without end; put it behind a condition or a branch` },
    ];
  });
}

/** Whether a node runs in every run that goes well: every way back to the start is without a choice. */
function isCertain(level: Level, index: number): boolean {
  if (level.owner !== undefined) return false;
  const { ways } = orderOf(level);
  const isPlain = ({ condition, disabled, mock, runIf, type }: GraphNode): boolean =>
    condition === undefined && disabled !== true && mock === undefined && typeof runIf !== 'number' && type !== 'merge';
  const starting = Map.groupBy(
    ways.filter((way) => way.triggers),
    (way) => way.to,
  );
  const certain = new Set(level.nodes.flatMap((node, at) => (isPlain(node) && !starting.has(at) ? [at] : [])));
  const onward = Map.groupBy(
    ways.filter((way) => way.triggers && way.port === '*' && level.edges[way.edge]?.when === undefined),
    (way) => way.from,
  );
  for (const at of certain)
    for (const { to } of onward.get(at) ?? []) {
      const node = level.nodes[to];
      if (node !== undefined && isPlain(node)) certain.add(to);
    }
  return certain.has(index);
}
