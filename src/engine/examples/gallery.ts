/** The examples as they are offered: with what each needs, and what it is made of. */
import type { ExampleWorkflow, ShownExample } from '../../contract/examples.ts';
import type { NodeTypes } from '../../nodes/kit.ts';
import { levelsOf } from '../levels.ts';
import { examples } from './list.ts';

export function galleryOf(types: NodeTypes): readonly ShownExample[] {
  return examples.map((one) => ({ ...one, needs: [...(one.needs ?? [])], uses: usesOf(one, types) }));
}

function usesOf({ definition }: ExampleWorkflow, types: NodeTypes): string[] {
  const nodes = levelsOf(definition, types).levels.flatMap((level) => level.nodes.map((node) => node.type));
  return [...new Set([...nodes, ...(definition.triggers ?? []).map((trigger) => `trigger:${trigger.type}`)])];
}
