/** How a node runs, whatever its type: retries, limits, conditions, caching, resources, and its pinned output. */
import { useMemo } from 'preact/hooks';
import type { JSX } from 'preact';
import type { GraphNode } from '../../../src/contract/graph.ts';
import { call } from '../../api.ts';
import { SchemaForm } from '../../form/schema-form.tsx';
import { JsonField } from '../../form/value-json.tsx';
import { useResource } from '../../state/resource.ts';
import { policySchema } from './policy-schema.ts';

const OWN: ReadonlySet<string> = new Set(['key', 'type', 'typeVersion', 'name', 'notes', 'params', 'position', 'mock']);

type Patch = { readonly [Name in Exclude<keyof GraphNode, 'key'>]?: GraphNode[Name] | undefined };

export function PolicyForm(props: { readonly node: GraphNode; readonly onChange: (patch: Patch) => void }): JSX.Element {
  const { node } = props;
  const queues = useResource(async (signal) => (await call('GET /api/v1/queues', { query: { limit: 200 }, signal })).items.map((queue) => queue.name), []);
  const schema = useMemo(() => policySchema(queues.value ?? []), [queues.value]);
  const value = Object.fromEntries(Object.entries(node).filter(([name]) => !OWN.has(name)));
  const change = (next: Record<string, unknown>): void => {
    const gone = Object.keys(value).filter((name) => next[name] === undefined);
    props.onChange({ ...next, ...Object.fromEntries(gone.map((name) => [name, undefined])) } as Patch);
  };
  return (
    <div class="pane-body">
      {node.mock !== undefined && (
        <JsonField
          title="Pinned output"
          description="It gives this instead of running, in every run."
          path="mock"
          value={node.mock}
          onChange={(mock) => props.onChange({ mock: (mock ?? null) as GraphNode['mock'] })}
          onRemove={() => props.onChange({ mock: undefined })}
        />
      )}
      <SchemaForm root={schema} schema={schema} path="" value={value} onChange={change} />
    </div>
  );
}
