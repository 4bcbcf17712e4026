/** Who a node is: its name, its key (renaming rewrites what names it), its type, notes for people. */
import { useState } from 'preact/hooks';
import type { JSX } from 'preact';
import type { GraphNode } from '../../../src/contract/graph.ts';
import type { NodeTypeView } from '../../../src/contract/node-types.ts';
import { Input, Textarea } from '../../ui/field.tsx';
import { Field } from '../../ui/field.tsx';
import { patchNode } from '../operations/nodes.ts';
import { renameNode, whyNotRename } from '../operations/rename.ts';
import type { PaneProps } from './pane-props.ts';

export function NodeHead(props: PaneProps & { readonly node: GraphNode; readonly type: NodeTypeView | undefined }): JSX.Element {
  const { node, type, document } = props;
  const locked = document.locked.value !== undefined;
  const [isOpen, setOpen] = useState(false);
  const change = (what: string, patch: Parameters<typeof patchNode>[2]): void =>
    document.change(`Change the ${what} of ${node.key}`, (graph) => patchNode(graph, node.key, patch), { merge: `${what} ${node.key}` });
  return (
    <div class="node-head">
      <div class="row">
        <div class="grow">
          <Input
            label="Name of the node"
            value={node.name ?? ''}
            placeholder={node.key}
            maxLength={200}
            disabled={locked}
            autocomplete="off"
            onInput={(name) => change('name', { name: name === '' ? undefined : name })}
          />
        </div>
        <button type="button" class="node-key" aria-expanded={isOpen} data-tip="Key and notes" onClick={() => setOpen(!isOpen)}>
          <span class="mono truncate">{node.key}</span>
        </button>
      </div>
      <div class="small muted">
        {type === undefined ? `Type ${node.type}: not known here` : `${type.title}. ${type.summary}`}
        {type !== undefined &&
          node.typeVersion !== undefined &&
          node.typeVersion > type.version &&
          ` Made for version ${node.typeVersion}; this is ${type.version}.`}
      </div>
      {isOpen && (
        <>
          <KeyField {...props} locked={locked} />
          <Field label="Notes" optional hint="For people who read the workflow.">
            {(links) => (
              <Textarea
                {...links}
                rows={3}
                value={node.notes ?? ''}
                disabled={locked}
                onInput={(notes) => change('notes', { notes: notes === '' ? undefined : notes })}
              />
            )}
          </Field>
        </>
      )}
      {!isOpen && node.notes !== undefined && <p class="node-notes small">{node.notes}</p>}
    </div>
  );
}

/** Takes effect when the field is left: half a key names nothing. */
function KeyField(props: PaneProps & { readonly node: GraphNode; readonly locked: boolean }): JSX.Element {
  const { node, document } = props;
  const [typed, setTyped] = useState<string>();
  const key = typed ?? node.key;
  const fault = whyNotRename(document.definition.value, node.key, key);
  const apply = (): void => {
    if (fault !== undefined || key === node.key) return;
    setTyped(undefined);
    document.changeDefinition(`Rename ${node.key} to ${key}`, (definition) => renameNode(definition, node.key, key), { select: { nodes: new Set([key]) } });
  };
  return (
    <form
      class="row row-end"
      onSubmit={(event) => {
        event.preventDefault();
        apply();
      }}
    >
      <div class="grow" onFocusOut={apply}>
        <Field label="Key" hint="Expressions read it as steps.<key>; renaming rewrites them all." fault={fault}>
          {(links) => <Input {...links} mono value={key} maxLength={64} disabled={props.locked} autocomplete="off" onInput={setTyped} />}
        </Field>
      </div>
    </form>
  );
}
