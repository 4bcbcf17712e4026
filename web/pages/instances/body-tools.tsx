/** Below an unfolded map: which of its items are shown, and the way to one of them by its number. */
import type { JSX } from 'preact';
import type { Step } from '../../../src/contract/instances.ts';
import { countedStatuses } from '../../state/body-counts.ts';
import type { BodySteps } from '../../state/body-steps.ts';
import type { StepRow } from '../../state/step-rows.ts';
import { formatNumber } from '../../ui/format.ts';
import { statusLook } from '../../ui/status.ts';
import { toastError } from '../../ui/toast.tsx';

export function BodyTools(props: { readonly of: StepRow & { readonly kind: 'tools' }; readonly bodies: BodySteps }): JSX.Element {
  const { path, counts, only } = props.of;
  const all = counts.count ?? counts.total;
  const show = (status: Step['status'] | undefined): void =>
    void props.bodies.only(path, status).catch((error: unknown) => toastError(`Read the items of ${path}`, error));
  const goTo = (event: SubmitEvent): void => {
    event.preventDefault();
    const field = event.currentTarget instanceof HTMLFormElement ? event.currentTarget.querySelector('input') : null;
    const index = field === null || field.value === '' ? undefined : Math.min(Math.max(0, Number(field.value)), Math.max(0, all - 1));
    if (index !== undefined) props.bodies.goTo(path, index).catch((error: unknown) => toastError(`Read the items of ${path}`, error));
  };
  return (
    <div class="body-tools" role="toolbar" aria-label={`Items of ${path}`}>
      <Choice name="All" count={all} isChosen={only === undefined} onChoose={() => show(undefined)} />
      {countedStatuses(counts).map(([status, count]) => (
        <Choice key={status} name={statusLook(status).word} count={count} isChosen={only === status} onChoose={() => show(status)} />
      ))}
      <form class="body-go-to" onSubmit={goTo}>
        <label>
          Go to item <input class="input mono" inputMode="numeric" pattern="[0-9]*" maxLength={7} aria-label={`Number of an item of ${path}`} />
        </label>
      </form>
    </div>
  );
}

function Choice(props: { readonly name: string; readonly count: number; readonly isChosen: boolean; readonly onChoose: () => void }): JSX.Element {
  return (
    <button type="button" class="body-choice" aria-pressed={props.isChosen} onClick={props.onChoose}>
      {props.name} <span class="figures">{formatNumber(props.count)}</span>
    </button>
  );
}
