/** A field for a time in a log: the clock's, or so long after its beginning or before its end. */
import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { timeMeant } from '../../state/log-times.ts';
import { Input } from '../../ui/field.tsx';

export function GoToTime(props: {
  readonly firstMs: number;
  readonly lastMs: number;
  /** Whether it has a beginning of its own that times are counted from. Default true. */
  readonly hasBeginning?: boolean;
  readonly onTime: (atMs: number) => void;
}): JSX.Element {
  const words = useSignal('');
  const isRefused = useSignal(false);
  const away = props.hasBeginning === false ? '-5m before now' : '+90s from the beginning, -5m from the end';
  const submit = (event: Event): void => {
    event.preventDefault();
    if (words.value.trim() === '') return;
    const atMs = timeMeant(words.value, props);
    isRefused.value = atMs === undefined;
    if (atMs !== undefined) props.onTime(atMs);
  };
  return (
    <form class="log-time" onSubmit={submit} data-tip={isRefused.value ? `A clock time (14:05, 14:05:30), ${away}, or a date and time` : `14:05, ${away}`}>
      <Input
        label="Go to a time in the log"
        placeholder="Go to time"
        value={words.value}
        aria-invalid={isRefused.value}
        maxLength={40}
        onInput={(text) => {
          words.value = text;
          isRefused.value = false;
        }}
      />
    </form>
  );
}
