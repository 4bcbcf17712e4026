/** The catalogue of node types as the API shows it: forms, ports, docs. Pure. */
import * as z from 'zod';
import type { NodeTypeView } from '../contract/node-types.ts';
import type { NodeType, NodeTypes } from '../nodes/kit.ts';

export function catalogueOf(types: NodeTypes): readonly NodeTypeView[] {
  return [...types.values()].map(viewOf);
}

function viewOf(type: NodeType): NodeTypeView {
  return {
    type: type.type,
    version: type.version,
    title: type.title,
    summary: type.summary,
    category: type.category,
    runs: type.runs,
    // A type whose purity depends on params is shown as what it is without any.
    pure: type.runs === 'inline' && type.pure !== false,
    queue: type.runs === 'job' ? type.queue : null,
    inputs: [...type.inputs],
    outputs: [...type.outputs],
    dynamicOutputs: type.portsOf !== undefined,
    requires: type.requires ?? 'user',
    params: z.toJSONSchema(type.params, { io: 'input', unrepresentable: 'any' }) as Record<string, unknown>,
    docs: type.docs,
    example: type.example,
  };
}
