/** Judges a definition: one Problem per fault, each with where it stands and what to do. Pure. Publishing refuses any problem; a draft shows them.
 *  The parts: levels (bodies), shape, nodes, params, edges, cycles, reach, flow (expressions), size. */
import type { Json } from '../contract/endpoint.ts';
import { definition as definitionShape, type Definition, type Problem } from '../contract/graph.ts';
import type { Role } from '../contract/values.ts';
import type { NodeTypes } from '../nodes/kit.ts';
import { inputSchemaFault } from './input-schema.ts';
import { levelsOf, placeOf, type Level } from './levels.ts';
import { orderOf, type Order } from './order.ts';
import { cycleProblems } from './validate-cycles.ts';
import { edgeProblems } from './validate-edges.ts';
import { dataFlowProblems, type Home } from './validate-flow.ts';
import { nodeProblems } from './validate-nodes.ts';
import { reachProblems } from './validate-reach.ts';
import { shapeProblems } from './validate-shape.ts';
import { sizeProblems, stepProblems } from './validate-size.ts';

export interface ValidateOptions {
  readonly types: NodeTypes;
  /** The role of who publishes. */
  readonly role: Role;
}

/** Judges what may not even have the shape of a definition. */
export function checkDefinition(value: Json, options: ValidateOptions): readonly Problem[] {
  const parsed = definitionShape.safeParse(value);
  return parsed.success ? validate(parsed.data, options) : shapeProblems(parsed.error.issues, value);
}

/** @returns every fault; empty when it can be published by that role */
export function validate(definition: Definition, options: ValidateOptions): readonly Problem[] {
  const { levels, problems: badBodies } = levelsOf(definition, options.types);
  const tooLarge = sizeProblems(levels);
  if (tooLarge.some((problem) => problem.code !== 'no_nodes')) return tooLarge;
  const homes = homesOf(levels);
  const orders = new Map<Level, Order>();
  const graphProblems = levels.flatMap((level) => {
    const cycles = cycleProblems(level);
    // What can have run before is only defined without cycles.
    if (cycles.length === 0) orders.set(level, orderOf(level));
    return [
      ...nodeProblems(level, options.types, options.role),
      ...edgeProblems(level, options.types, homes),
      ...reachProblems(level, orders.get(level)),
      ...cycles,
    ];
  });
  return [
    ...tooLarge,
    ...badBodies,
    ...duplicateKeys(levels, homes),
    ...graphProblems,
    ...dataFlowProblems(definition, { levels, homes, orders, types: options.types }),
    ...stepProblems(levels),
    ...schemaProblems(definition),
  ];
}

/** Where each key is at home: the first node of that key. */
function homesOf(levels: readonly Level[]): ReadonlyMap<string, Home> {
  const homes = new Map<string, Home>();
  for (const level of levels) level.nodes.forEach((node, index) => homes.has(node.key) || homes.set(node.key, { level, index }));
  return homes;
}

/** Keys are unique in a workflow, bodies included: expressions and steps are named by them. */
function duplicateKeys(levels: readonly Level[], homes: ReadonlyMap<string, Home>): readonly Problem[] {
  return levels.flatMap((level) =>
    level.nodes.flatMap((node, index) => {
      const first = homes.get(node.key);
      if (first === undefined || (first.level === level && first.index === index)) return [];
      const message = `the key "${node.key}" is already used by ${placeOf(first.level, 'nodes', first.index)}; keys are unique in a workflow, bodies included`;
      return [{ node: node.key, path: `${placeOf(level, 'nodes', index)}.key`, code: 'duplicate_key', message }];
    }),
  );
}

function schemaProblems(definition: Definition): readonly Problem[] {
  if (definition.inputSchema === undefined) return [];
  const fault = inputSchemaFault(definition.inputSchema);
  return fault === undefined ? [] : [{ path: 'inputSchema', code: 'bad_schema', message: fault }];
}
