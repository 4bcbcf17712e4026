/** The runs of one workflow, live. */
import { useState } from 'preact/hooks';
import type { JSX } from 'preact';
import type { Workflow } from '../../../src/contract/workflows.ts';
import { go, href } from '../../route.ts';
import { me } from '../../session.ts';
import { createInstances } from '../../state/instances.ts';
import { useOwned } from '../../state/use-owned.ts';
import { toastError } from '../../ui/toast.tsx';
import { Empty, View } from '../../ui/views.tsx';
import { actionsOf, runAction } from '../instances/actions.ts';
import { InstanceTable } from '../instances/instance-table.tsx';
import { RerunDialog } from '../instances/rerun-dialog.tsx';

export function InstancesTab(props: { readonly workflow: Workflow }): JSX.Element {
  const { workflow } = props;
  const orgId = me.value?.orgId ?? '';
  const state = useOwned(() => createInstances({ terms: { workflow: [workflow.id] }, words: [] }, orgId), [workflow.id, orgId]);
  const [rerun, setRerun] = useState<string>();
  const list = state.value.value;
  return (
    <View of={{ value: list, error: state.error.value, reload: () => void state.reload() }} what="instances">
      {(shown) => (
        <>
          <InstanceTable
            label={`Instances of ${workflow.name}`}
            oneWorkflow
            rows={shown.rows}
            onOpen={(row) => go(`/instances/${row.id}`)}
            newCount={shown.held.length + shown.heldMore}
            onShowNew={() => state.showNew()}
            onEnd={() => void state.more().catch((error: unknown) => toastError('Load more', error))}
            menuOf={(row) => [
              { label: 'Open', href: href(`/instances/${row.id}`) },
              ...actionsOf(row.status).map((look) => ({
                label: look.label,
                onSelect: () => void runAction(row.id, look.action).catch((error: unknown) => toastError(look.label, error)),
              })),
              { label: 'Rerun…', onSelect: () => setRerun(row.id) },
            ]}
            empty={<Empty title="It has not run yet">Press Run, or give it a trigger.</Empty>}
          />
          {rerun !== undefined && <RerunDialog instanceId={rerun} onClose={() => setRerun(undefined)} />}
        </>
      )}
    </View>
  );
}
