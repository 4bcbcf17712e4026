/** One node of a workflow as it is defined: what its type does, its params, its policy. */
import { X } from 'lucide-preact';
import type { JSX } from 'preact';
import type { GraphNode } from '../../../src/contract/graph.ts';
import type { NodeTypeView } from '../../../src/contract/node-types.ts';
import { href } from '../../route.ts';
import { ButtonLink, IconButton } from '../../ui/button.tsx';
import { JsonView } from '../../ui/json-view.tsx';
import { CodeBlock } from '../../ui/log-view.tsx';

const OWN = new Set(['key', 'type', 'typeVersion', 'name', 'notes', 'params', 'position']);

export function NodePane(props: {
  readonly node: GraphNode;
  readonly type: NodeTypeView | undefined;
  readonly workflowId: string;
  readonly onClose: () => void;
}): JSX.Element {
  const { node, type } = props;
  const policy = Object.fromEntries(Object.entries(node).filter(([name]) => !OWN.has(name)));
  const params = Object.entries(node.params ?? {});
  const texts = params.filter(([, value]) => typeof value === 'string' && value.includes('\n'));
  const rest = Object.fromEntries(params.filter(([name]) => !texts.some(([long]) => long === name)));
  return (
    <div class="pane">
      <div class="pane-head">
        <h2 class="truncate">{node.name ?? node.key}</h2>
        <IconButton label="Close the node" hint="escape" icon={<X size={16} />} onClick={props.onClose} />
      </div>
      <div class="pane-body">
        <section class="pane-section" aria-label="Type">
          <div>
            <span class="mono">{node.key}</span> <span class="faint">·</span> <span class="mono">{node.type}</span>
          </div>
          {type !== undefined && (
            <p class="muted">
              {type.summary}
              {type.runs === 'job' ? ` Runs as a job on the queue ${node.queue ?? type.queue ?? 'studio'}.` : ''}
            </p>
          )}
          {node.notes !== undefined && <p>{node.notes}</p>}
        </section>
        {Object.keys(rest).length > 0 && (
          <section class="pane-section" aria-label="Params">
            <h3>Params</h3>
            <JsonView value={rest} label="Params" />
          </section>
        )}
        {texts.map(([name, value]) => (
          <section key={name} class="pane-section" aria-label={name}>
            <h3>{name}</h3>
            <CodeBlock text={String(value)} label={name} />
          </section>
        ))}
        {Object.keys(policy).length > 0 && (
          <section class="pane-section" aria-label="Policy">
            <h3>Policy</h3>
            <JsonView value={policy} label="Policy" />
          </section>
        )}
        <div class="row">
          <ButtonLink href={href(`/workflows/${props.workflowId}?tab=editor&find=${encodeURIComponent(node.key)}`)}>Edit</ButtonLink>
        </div>
      </div>
    </div>
  );
}
