/** What differs between two definitions, to look at: laid over each other, side by side, or as text; beside it the list of changes. */
import { useMemo, useState } from 'preact/hooks';
import type { JSX } from 'preact';
import type { DefinitionDiff } from '../../src/contract/definitions.ts';
import type { Definition } from '../../src/contract/graph.ts';
import type { NodeTypeView } from '../../src/contract/node-types.ts';
import { call } from '../api.ts';
import { formatJson } from '../form/json-format.ts';
import type { KeptDraft } from '../form/kept-draft.ts';
import { GraphPane } from '../graph/graph-pane.tsx';
import { useResource } from '../state/resource.ts';
import { nodeTypes } from '../state/node-types.ts';
import { Segmented } from '../ui/field.tsx';
import { formatCount } from '../ui/format.ts';
import { Empty, View } from '../ui/views.tsx';
import { ChangeList } from './change-list.tsx';
import { changeItems, overlayOf } from './compare-model.ts';
import { inOrder } from './key-order.ts';
import { diffText, foldSame } from './text-diff.ts';

/** What the editor is asked to show beside what is on its screen. */
export type Comparison = { readonly kind: 'published' } | { readonly kind: 'theirs' } | { readonly kind: 'kept'; readonly kept: KeptDraft };

interface Side {
  readonly label: string;
  readonly definition: Definition;
}

type Look = 'overlay' | 'sides' | 'text';

export interface CompareProps {
  readonly before: Side;
  readonly after: Side;
}

export function CompareView(props: CompareProps): JSX.Element {
  const { before, after } = props;
  const loaded = useResource(
    async (signal) => {
      const body = { before: before.definition, after: after.definition };
      const [diff, types] = await Promise.all([call('POST /api/v1/workflows/compare', { body, signal }), nodeTypes()]);
      return { diff, types };
    },
    [before.definition, after.definition],
  );
  return (
    <View of={loaded} what="what differs">
      {({ diff, types }) =>
        diff.isSame ? (
          <Empty title="No difference">{`${before.label} and ${after.label.toLowerCase()} say the same.`}</Empty>
        ) : (
          <Differing {...props} diff={diff} types={types} />
        )
      }
    </View>
  );
}

function Differing(props: {
  readonly before: Side;
  readonly after: Side;
  readonly diff: DefinitionDiff;
  readonly types: ReadonlyMap<string, NodeTypeView>;
}): JSX.Element {
  const { before, after, diff, types } = props;
  const [look, setLook] = useState<Look>('overlay');
  const [selected, setSelected] = useState<string>();
  const items = useMemo(() => changeItems(diff), [diff]);
  const overlay = useMemo(() => overlayOf({ before: before.definition, after: after.definition, diff, types }), [diff]);
  const shared = { selected, onSelect: setSelected };
  return (
    <div class="comparison">
      <div class="diff-frame">
        <div class="diff-head">
          <Segmented
            label="Show the difference as"
            value={look}
            onChange={setLook}
            options={[
              { value: 'overlay', label: 'Overlaid' },
              { value: 'sides', label: 'Side by side' },
              { value: 'text', label: 'Text' },
            ]}
          />
          <span class="muted small">{formatCount(items.length, 'change')}</span>
        </div>
        <div class="diff-body">
          <div class="diff-main">
            {look === 'overlay' && <GraphPane model={overlay.model} definition={overlay.definition} label="Both, laid over each other" {...shared} />}
            {look === 'sides' &&
              [before, after].map((side) => (
                <section key={side.label} class="diff-side" aria-label={side.label}>
                  <h3 class="diff-side-title">{side.label}</h3>
                  <GraphPane model={side === before ? overlay.before : overlay.after} definition={side.definition} label={side.label} {...shared} />
                </section>
              ))}
            {look === 'text' && <TextDiff before={formatJson(inOrder(before.definition))} after={formatJson(inOrder(after.definition))} />}
          </div>
          <ChangeList items={items} selected={selected} onSelect={setSelected} />
        </div>
      </div>
    </div>
  );
}

export function TextDiff(props: { readonly before: string; readonly after: string }): JSX.Element {
  const lines = useMemo(() => foldSame(diffText(props.before, props.after)), [props.before, props.after]);
  return (
    <pre class="text-diff" tabIndex={0} aria-label="The difference as text">
      {lines.map((line, index) =>
        line.kind === 'gap' ? (
          <div key={index} class="text-diff-gap">
            {formatCount(line.count, 'line')} the same
          </div>
        ) : (
          <div key={index} class={`text-diff-${line.kind}`}>
            {line.kind === 'added' ? '+ ' : line.kind === 'removed' ? '- ' : '  '}
            {line.text}
          </div>
        ),
      )}
    </pre>
  );
}
