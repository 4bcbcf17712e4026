/** Chooses what an instance is compared with: other runs of the same workflow, newest first. */
import { useState } from 'preact/hooks';
import type { JSX } from 'preact';
import type { Instance } from '../../../src/contract/instances.ts';
import { call } from '../../api.ts';
import { go } from '../../route.ts';
import { useResource } from '../../state/resource.ts';
import { Button } from '../../ui/button.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { Field, Input } from '../../ui/field.tsx';
import { StatusChip } from '../../ui/status-chip.tsx';
import { Duration, RelativeTime } from '../../ui/time.tsx';
import { Empty, View } from '../../ui/views.tsx';

const SHOWN = 50;

export function CompareDialog(props: { readonly instance: Instance; readonly onClose: () => void }): JSX.Element {
  const { instance } = props;
  const [typed, setTyped] = useState('');
  const others = useResource(
    async (signal) => (await call('GET /api/v1/instances', { query: { workflowId: instance.workflowId, limit: SHOWN + 1 }, signal })).items,
    [instance.workflowId],
  );
  const compare = (other: string): void => go(`/instances/${instance.id}/compare/${other}`);
  const actions = (
    <>
      <Button onClick={props.onClose}>Close</Button>
      <Button kind="primary" disabled={!/^inst_\w+$/.test(typed.trim())} onClick={() => compare(typed.trim())}>
        Compare
      </Button>
    </>
  );
  return (
    <Dialog title="Compare with" onClose={props.onClose} actions={actions}>
      <div class="stack">
        <View of={others} what="other runs">
          {(all) => {
            const rows = all.filter((row) => row.id !== instance.id).toSorted((a, b) => Number(b.id === instance.rerunOf) - Number(a.id === instance.rerunOf));
            return rows.length === 0 ? (
              <Empty title="It has no other run">Run it again, and compare the two.</Empty>
            ) : (
              <ul class="compare-list">
                {rows.map((row) => (
                  <li key={row.id}>
                    <button type="button" class="compare-choice" onClick={() => compare(row.id)}>
                      <StatusChip status={row.status} />
                      <span class="mono truncate grow">{row.id}</span>
                      {row.id === instance.rerunOf && <span class="label-tag">rerun of it</span>}
                      <Duration from={row.startedAt} to={row.endedAt} />
                      <RelativeTime at={row.createdAt} />
                    </button>
                  </li>
                ))}
              </ul>
            );
          }}
        </View>
        <Field label="Or any other by its id" optional>
          {(links) => <Input {...links} mono value={typed} onInput={setTyped} placeholder="inst_…" autocomplete="off" />}
        </Field>
      </div>
    </Dialog>
  );
}
