/** What the graph shows: cards and links from a definition, coloured by the steps of an instance when there is one.
 *  Pure. The drawing (graph-view.tsx) and the text alternative (graph-list.tsx) show the same model. */
import type { Json } from '../../src/contract/endpoint.ts';
import type { Definition, GraphNode, Problem } from '../../src/contract/graph.ts';
import type { Step } from '../../src/contract/instances.ts';
import type { NodeTypeView } from '../../src/contract/node-types.ts';
import type { StepStatus } from '../../src/contract/values.ts';
import { localTimes } from '../state/local-times.ts';
import type { Status } from '../ui/status.ts';
import { endOf } from './edge-end.ts';
import { summaryOfParams } from './summary.ts';

export interface Card {
  readonly key: string;
  readonly title: string;
  readonly type: string;
  /** The type in words; the bare name when the catalogue does not know it. */
  readonly typeTitle: string;
  readonly known: boolean;
  readonly summary: string;
  readonly outputs: readonly OutputPort[];
  readonly hasInput: boolean;
  readonly disabled: boolean;
  readonly problems: readonly string[];
  /** Absent in a definition that does not run; `pending` for a node whose turn has not come. */
  readonly status: StepStatus | undefined;
  readonly step: Step | undefined;
  /** Of a map or loop: how its items stand, in words. */
  readonly items: string | undefined;
  /** In a comparison: what became of it. */
  readonly mark?: Mark | undefined;
}

export type Mark = 'added' | 'removed' | 'changed' | 'moved';

export interface OutputPort {
  readonly name: string;
  readonly kind: string;
}

/** `waiting`: what it leads from has not ended; `taken`: its source ended and chose it; `untaken`: its source ended another way. */
export type LinkState = 'idle' | 'waiting' | 'taken' | 'untaken';

export interface Link {
  readonly id: string;
  readonly from: string;
  readonly fromPort: string | undefined;
  readonly to: string;
  readonly kind: string;
  readonly label: string | undefined;
  readonly state: LinkState;
  readonly mark?: Mark | undefined;
}

export interface GraphModel {
  readonly cards: readonly Card[];
  readonly links: readonly Link[];
  /** What it was made of: the next one keeps the cards and links that have not changed, so that only the others are drawn again. */
  readonly madeOf: ModelInput;
}

interface ModelInput {
  readonly definition: Pick<Definition, 'nodes' | 'edges'>;
  readonly types: ReadonlyMap<string, NodeTypeView>;
  /** Absent: the definition alone. */
  readonly steps?: ReadonlyMap<string, Step>;
  /** By path: how the items of maps and loops stand. */
  readonly items?: ReadonlyMap<string, string>;
  readonly problems?: readonly Problem[];
}

/** @param before the model of the same instance a moment ago */
export function graphModel(input: ModelInput, before?: GraphModel): GraphModel {
  const { nodes, edges } = input.definition;
  const old = before !== undefined && isSameGraph(before.madeOf, input) ? before : undefined;
  const targets = new Set(old === undefined ? edges.map((edge) => endOf(edge.to).key) : []);
  const cards = nodes.map((node, index) => {
    const card = old?.cards[index];
    if (card === undefined) return cardOf(node, input, targets.has(node.key));
    if (card.step === input.steps?.get(node.key) && card.items === input.items?.get(node.key)) return card;
    return cardOf(node, input, card.hasInput);
  });
  if (old !== undefined) {
    const links = old.links.map((link) => {
      const state = linkState(input.steps, link.from, link.fromPort, link.to);
      return state === link.state ? link : { ...link, state };
    });
    return { cards, links, madeOf: input };
  }
  const byKey = new Map(cards.map((card) => [card.key, card]));
  const links = edges.flatMap((edge, index): Link[] => {
    const from = endOf(edge.from);
    const to = endOf(edge.to);
    const source = byKey.get(from.key);
    if (source === undefined || !byKey.has(to.key)) return [];
    const kind = source.outputs.find((port) => port.name === from.port)?.kind ?? source.outputs[0]?.kind ?? 'any';
    return [
      {
        id: `${edge.from}-${edge.to}-${index}`,
        from: from.key,
        fromPort: from.port,
        to: to.key,
        kind,
        label: edge.when,
        state: linkState(input.steps, from.key, from.port, to.key),
      },
    ];
  });
  return { cards, links, madeOf: input };
}

function isSameGraph(a: ModelInput, b: ModelInput): boolean {
  return a.definition === b.definition && a.types === b.types && a.problems === b.problems && (a.steps === undefined) === (b.steps === undefined);
}

function cardOf(node: GraphNode, input: ModelInput, hasInput: boolean): Card {
  const type = input.types.get(node.type);
  const step = input.steps?.get(node.key);
  return {
    key: node.key,
    title: node.name ?? node.key,
    type: node.type,
    typeTitle: type?.title ?? node.type,
    known: type !== undefined || input.types.size === 0,
    summary: summaryOfParams(node.type, node.params ?? {}),
    outputs: outputPorts(node, type, input.definition.edges),
    hasInput,
    disabled: node.disabled === true,
    problems: (input.problems ?? []).filter((problem) => problem.node === node.key).map((problem) => problem.message),
    status: input.steps === undefined ? undefined : (step?.status ?? 'pending'),
    step,
    items: input.items?.get(node.key),
  };
}

/** The ports a card shows: those declared, those its params name, those its edges use, and `error` where errors branch. */
export function outputPorts(node: GraphNode, type: NodeTypeView | undefined, edges: Definition['edges']): readonly OutputPort[] {
  const ports = new Map<string, OutputPort>();
  if (type !== undefined && !type.dynamicOutputs) for (const port of type.outputs) ports.set(port.name, { name: port.name, kind: port.kind });
  if (type?.dynamicOutputs === true) for (const name of portsOfParams(node.params ?? {})) ports.set(name, { name, kind: 'json' });
  for (const edge of edges) {
    const from = endOf(edge.from);
    if (from.key === node.key && from.port !== undefined && !ports.has(from.port)) ports.set(from.port, { name: from.port, kind: 'any' });
  }
  if (node.onError === 'branch' && !ports.has('error')) ports.set('error', { name: 'error', kind: 'any' });
  return [...ports.values()];
}

/** Ports a switch names in its params: those of its cases, then its default. */
export function portsOfParams(params: Readonly<Record<string, Json>>): readonly string[] {
  const cases = Array.isArray(params['cases']) ? params['cases'] : [];
  const named = cases.flatMap((each) =>
    typeof each === 'object' && each !== null && !Array.isArray(each) && typeof each['port'] === 'string' ? [each['port']] : [],
  );
  return [...new Set([...named, ...(typeof params['default'] === 'string' ? [params['default']] : [])])];
}

function linkState(steps: ReadonlyMap<string, Step> | undefined, from: string, port: string | undefined, to: string): LinkState {
  if (steps === undefined) return 'idle';
  const source = steps.get(from);
  if (source === undefined || source.endedAt === null) return 'waiting';
  const target = steps.get(to);
  if (port === 'error') return source.status === 'failed' || source.status === 'timed_out' ? 'taken' : 'untaken';
  if (source.status !== 'completed' && source.status !== 'cached') return target === undefined || target.status === 'skipped' ? 'untaken' : 'taken';
  if (target?.status === 'skipped') return 'untaken';
  return target === undefined ? 'waiting' : 'taken';
}

/** The status a card wears: a step that tries again, and has not ended, is retrying. */
export function cardStatus(card: { readonly status: Card['status']; readonly step: Pick<Step, 'attempt'> | undefined }): Status {
  const { status, step } = card;
  if (status === undefined) return 'pending';
  return step !== undefined && step.attempt > 1 && (status === 'running' || status === 'queued' || status === 'waiting') ? 'retrying' : status;
}

/** One line on how a node's step stands, beside its status word; undefined when the params say more. */
export function liveText(card: Card, formatDuration: (ms: number) => string, nowMs: number): string | undefined {
  const { step } = card;
  if (step === undefined) return undefined;
  const tries = step.attempt > 1 ? `attempt ${step.attempt} · ` : '';
  if (step.error !== undefined && step.endedAt !== null) return `${tries}${step.error.code}: ${step.error.message}`;
  if (step.waitReason !== undefined) return `${tries}${localTimes(step.waitReason.message, nowMs)}`;
  if (card.items !== undefined) return `${tries}${card.items}`;
  if (step.status === 'skipped') return step.reason ?? 'not on the path taken';
  if (step.startedAt === null) return undefined;
  const until = step.endedAt === null ? nowMs : Date.parse(step.endedAt);
  const took = formatDuration(Math.max(0, until - Date.parse(step.startedAt)));
  return step.reason === undefined ? `${tries}${took}` : `${tries}${took} · ${step.reason}`;
}
