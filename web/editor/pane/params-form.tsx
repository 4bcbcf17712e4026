/** The params of a node as its type's schema says, with the data that its expressions can read below: to look up, copy and drag. */
import { useState } from 'preact/hooks';
import type { JSX } from 'preact';
import type { GraphNode } from '../../../src/contract/graph.ts';
import type { NodeTypeView } from '../../../src/contract/node-types.ts';
import type { ExpressionData } from '../../form/expression-data.ts';
import { SchemaForm } from '../../form/schema-form.tsx';
import { JsonField } from '../../form/value-json.tsx';
import { CodeBlock } from '../../ui/log-view.tsx';
import { ReadableData } from './readable-data.tsx';

export interface ParamsFormProps {
  readonly node: GraphNode;
  readonly type: NodeTypeView | undefined;
  readonly data: ExpressionData;
  readonly onChange: (params: Record<string, unknown>) => void;
}

export function ParamsForm(props: ParamsFormProps): JSX.Element {
  const { node, type } = props;
  const [isDocsOpen, setDocsOpen] = useState(false);
  return (
    <div class="pane-body">
      {type === undefined ? (
        <JsonField
          title="Params"
          description="This type is not known here: a newer Studio made it. Its params are kept as they stand."
          path="params"
          value={node.params ?? {}}
          onChange={(value) => props.onChange((value ?? {}) as Record<string, unknown>)}
        />
      ) : (
        <SchemaForm root={type.params} schema={type.params} path="params" value={node.params ?? {}} onChange={props.onChange} />
      )}
      <ReadableData data={props.data} />
      {type !== undefined && (
        <details class="node-docs" open={isDocsOpen} onToggle={(event) => setDocsOpen(event.currentTarget.open)}>
          <summary>How {type.title} works</summary>
          {isDocsOpen && <CodeBlock wrap text={type.docs} label={`How ${type.title} works`} />}
        </details>
      )}
    </div>
  );
}
