/** A comparison over the editor: what is on the screen with what is published, what someone else stored, or what this browser kept. */
import type { JSX } from 'preact';
import type { Definition } from '../../src/contract/graph.ts';
import type { Workflow } from '../../src/contract/workflows.ts';
import { call } from '../api.ts';
import { useResource } from '../state/resource.ts';
import { Button } from '../ui/button.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { Empty, View } from '../ui/views.tsx';
import { CompareView, TextDiff } from './compare.tsx';
import type { Comparison } from './compare.tsx';
import { readDefinition } from './read-definition.ts';
import type { EditorSession } from './session.ts';

const TITLES: Readonly<Record<Comparison['kind'], string>> = {
  published: 'What publishing changes',
  theirs: 'Theirs, and what you have',
  kept: 'What is here, and what this browser kept',
};

export function CompareDialog(props: {
  readonly comparison: Comparison;
  readonly session: EditorSession;
  readonly workflow: Workflow;
  readonly onClose: () => void;
}): JSX.Element {
  const { comparison, session, workflow } = props;
  const { document } = session;
  const here = document.text.value ?? document.definition.value;
  const loaded = useResource(async (signal) => await otherSide(comparison, workflow, signal), [comparison]);
  const [theirs, mine] =
    comparison.kind === 'kept' ? ['Here', 'Kept in this browser'] : [comparison.kind === 'published' ? `Version ${workflow.version}` : 'Theirs', 'Yours'];
  return (
    <Dialog title={TITLES[comparison.kind]} size="large" onClose={props.onClose} actions={<Button onClick={props.onClose}>Close</Button>}>
      <div class="diff-dialog">
        <View of={loaded} what="the other side">
          {(other) => {
            const [before, after] = comparison.kind === 'kept' ? [here, other] : [other, here];
            const [a, b] = [definitionOf(before), definitionOf(after)];
            if (a !== undefined && b !== undefined) return <CompareView before={{ label: theirs, definition: a }} after={{ label: mine, definition: b }} />;
            const [x, y] = [textOf(before), textOf(after)];
            return x === y ? <Empty title="No difference" /> : <TextDiff before={x} after={y} />;
          }}
        </View>
      </div>
    </Dialog>
  );
}

async function otherSide(comparison: Comparison, workflow: Workflow, signal: AbortSignal): Promise<Definition | string> {
  if (comparison.kind === 'published') return workflow.definition;
  if (comparison.kind === 'kept') return comparison.kept.draft.text;
  const { draft } = await call('GET /api/v1/workflows/{id}/draft', { params: { id: workflow.id }, signal });
  return typeof draft.definition === 'string' ? draft.definition : JSON.stringify(draft.definition);
}

function definitionOf(side: Definition | string): Definition | undefined {
  if (typeof side !== 'string') return side;
  const read = readDefinition(side);
  return 'definition' in read ? read.definition : undefined;
}

function textOf(side: Definition | string): string {
  return typeof side === 'string' ? side : JSON.stringify(side, null, 2);
}
