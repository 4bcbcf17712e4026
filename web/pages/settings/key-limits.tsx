/** The dialog that limits what an API key may use of models. */
import { useSignal } from '@preact/signals';
import { call } from '../../api.ts';
import { useAction } from '../../state/action.ts';
import { useResource } from '../../state/resource.ts';
import { Button } from '../../ui/button.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { toast } from '../../ui/toast.tsx';
import { formatNumber } from '../../ui/format.ts';
import { Meter } from '../../ui/meter.tsx';
import { draftOfLimits, limitFields, limitsOfDraft } from '../models/limits-draft.ts';
import { LimitsFields } from '../models/limits-fields.tsx';
import { FormFault } from './card-form.tsx';
import type { JSX } from 'preact';
import type { ApiKey } from '../../../src/contract/api-keys.ts';

export function KeyLimits(props: { readonly apiKey: ApiKey; readonly onClose: () => void; readonly onSaved: () => void }): JSX.Element {
  const { apiKey } = props;
  const draft = useSignal(draftOfLimits(apiKey.modelLimits));
  const limits = limitsOfDraft(draft.value);
  const save = useAction(async () => {
    if (limits === undefined) return;
    await call('PATCH /api/v1/api-keys/{id}', { params: { id: apiKey.id }, body: { modelLimits: Object.keys(limits).length === 0 ? null : limits } });
    toast({ text: `Changed ${apiKey.name}` });
    props.onSaved();
    props.onClose();
  });
  return (
    <Dialog
      title={`Limits of ${apiKey.name}`}
      onClose={props.onClose}
      actions={
        <>
          <Button onClick={props.onClose}>Cancel</Button>
          <Button kind="primary" type="submit" form="key-limits" busy={save.busy} disabled={limits === undefined}>
            Save
          </Button>
        </>
      }
    >
      <form
        id="key-limits"
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void save.run();
        }}
      >
        <FormFault error={save.error} fields={[]} />
        <p class="muted small">What it may use of models at /v1, beside the limits of the organisation.</p>
        <UsedNow apiKey={apiKey} />
        <LimitsFields draft={draft.value} onChange={(next) => (draft.value = next)} />
      </form>
    </Dialog>
  );
}

// What is used of a minute goes down by itself; nothing tells of it.
const EVERY_MS = 5_000;

/** How much of each limit is used now; nothing for a key without. */
function UsedNow({ apiKey }: { readonly apiKey: ApiKey }): JSX.Element | null {
  const use = useResource((signal) => call('GET /api/v1/api-keys/{id}/model-use', { params: { id: apiKey.id }, signal }), [apiKey.id], { everyMs: EVERY_MS });
  const { limits, used } = use.value ?? { limits: null, used: {} };
  const known = limitFields.flatMap(({ name, title }) => {
    const [limit, amount] = [limits?.[name], used[name]];
    return limit === undefined || amount === undefined ? [] : [{ name, title, limit, amount }];
  });
  if (known.length === 0) return null;
  return (
    <section class="stack stack-tight" aria-label="Used now">
      {known.map(({ name, title, limit, amount }) => (
        <div key={name}>
          <div class="row small">
            <span class="muted">{title}</span>
            <span class="grow" />
            <span class="figures">
              {formatNumber(amount)} of {formatNumber(limit)}
            </span>
          </div>
          <Meter label={`${title} used now`} used={amount} total={limit} />
        </div>
      ))}
    </section>
  );
}
