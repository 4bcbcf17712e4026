/** Node types for the tests of operations. */
import type { NodeTypeView, Port } from '../../../src/contract/node-types.ts';
import type { NodeTypes } from './edges.ts';

const port = (name: string, kind: Port['kind']): Port => ({ name, title: name, kind });

function type(name: string, changes: Partial<NodeTypeView> = {}): NodeTypeView {
  return {
    type: name,
    version: 1,
    title: name,
    summary: '',
    category: 'flow',
    runs: 'inline',
    pure: true,
    queue: null,
    inputs: [port('in', 'any')],
    outputs: [port('out', 'json')],
    dynamicOutputs: false,
    requires: 'user',
    params: { type: 'object', properties: {} },
    docs: '',
    example: {},
    ...changes,
  };
}

const http = {
  type: 'object',
  required: ['method', 'url', 'timeoutMs'],
  properties: { method: { type: 'string', enum: ['GET', 'POST'] }, url: { type: 'string' }, timeoutMs: { type: 'integer', default: 30 }, body: {} },
};

export const types: NodeTypes = new Map(
  [
    type('noop'),
    type('http.request', { params: http }),
    type('branch.if', { outputs: [port('true', 'any'), port('false', 'any')] }),
    type('map'),
    type('loop'),
    type('set'),
    type('workflow.call'),
    type('picture', { outputs: [port('out', 'image')] }),
    type('listen', { inputs: [port('in', 'audio')] }),
    type('start', { inputs: [] }),
  ].map((each) => [each.type, each]),
);

export function typeNamed(name: string): NodeTypeView {
  const found = types.get(name);
  if (found === undefined) throw new Error(`there is no type ${name}`);
  return found;
}
