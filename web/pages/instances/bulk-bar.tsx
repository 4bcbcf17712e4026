/** What is done to many instances at once: those that are selected, or all that the filter names. Counted before it is done. */
import { useState } from 'preact/hooks';
import type { JSX } from 'preact';
import type { InstanceSummary } from '../../../src/contract/instances.ts';
import { isTerminalInstance } from '../../../src/contract/values.ts';
import { batchCount, runBatch } from '../../state/batch.ts';
import type { BatchCommand, BatchFilter } from '../../state/batch.ts';
import { useResource } from '../../state/resource.ts';
import { Button } from '../../ui/button.tsx';
import { Confirm } from '../../ui/dialog.tsx';
import { formatCount, formatNumber } from '../../ui/format.ts';
import { toast } from '../../ui/toast.tsx';
import { can } from './actions.ts';

export interface BulkBarProps {
  readonly rows: readonly InstanceSummary[];
  /** What the list's filter asks the server for; undefined: some of it only this page can tell. */
  readonly filter: BatchFilter | undefined;
  /** The list goes on below what is loaded. */
  readonly hasMore: boolean;
  readonly onCompare: (a: string, b: string) => void;
  readonly onClear: () => void;
  readonly onDone: () => void;
}

export function BulkBar(props: BulkBarProps): JSX.Element {
  const { rows } = props;
  const [isAll, setAll] = useState(false);
  const [asking, setAsking] = useState<BatchCommand>();
  const idsOf: Readonly<Record<BatchCommand, readonly string[]>> = {
    cancel: rows.filter((row) => can(row.status, 'cancel')).map((row) => row.id),
    retry: rows.filter((row) => can(row.status, 'retry')).map((row) => row.id),
    delete: rows.filter((row) => isTerminalInstance(row.status)).map((row) => row.id),
  };
  const countOf = (command: BatchCommand): string => (isAll || idsOf[command].length === 0 ? '' : ` ${idsOf[command].length}`);
  const [a, b] = rows;
  return (
    <div class="bulk" role="toolbar" aria-label="Actions on the selection">
      <span class="strong figures">{isAll ? 'All that match the filter' : `${rows.length} selected`}</span>
      {(['cancel', 'retry', 'delete'] as const).map((command) => (
        <Button key={command} size="small" disabled={!isAll && idsOf[command].length === 0} onClick={() => setAsking(command)}>
          {words[command].label}
          {countOf(command)}
        </Button>
      ))}
      {rows.length === 2 && a !== undefined && b !== undefined && !isAll && (
        <Button size="small" onClick={() => props.onCompare(b.id, a.id)}>
          Compare
        </Button>
      )}
      {props.filter !== undefined && props.hasMore && !isAll && (
        <Button size="small" kind="quiet" onClick={() => setAll(true)}>
          Select all that match
        </Button>
      )}
      <Button size="small" kind="quiet" onClick={props.onClear}>
        Clear
      </Button>
      {asking !== undefined && (
        <AskMany
          command={asking}
          filter={isAll && props.filter !== undefined ? props.filter : { ids: idsOf[asking] }}
          onClose={() => setAsking(undefined)}
          onDone={props.onDone}
        />
      )}
    </div>
  );
}

const words: Readonly<Record<BatchCommand, { readonly label: string; readonly done: string; readonly says: string }>> = {
  cancel: {
    label: 'Cancel',
    done: 'cancelled',
    says: 'Running steps are stopped and their processes ended. Results so far are kept, and a retry can go on from there.',
  },
  retry: { label: 'Retry', done: 'go on', says: 'Each goes on from what failed; what was done is kept.' },
  delete: {
    label: 'Delete',
    done: 'deleted',
    says: 'Their steps, results and logs are deleted with them. This can’t be undone. Files that they wrote are kept.',
  },
};

interface AskManyProps {
  readonly command: BatchCommand;
  readonly filter: BatchFilter;
  readonly onClose: () => void;
  readonly onDone: () => void;
}

/** Says how many before it does anything. */
export function AskMany(props: AskManyProps): JSX.Element {
  const { command, filter } = props;
  const { label, done, says } = words[command];
  const counted = useResource(async (signal) => await batchCount(command, filter, signal), [command, JSON.stringify(filter)]);
  const [soFar, setSoFar] = useState<number>();
  const value = counted.value;
  const many = value === undefined ? '…' : `${formatNumber(value.matched)}${value.more ? ' or more' : ''}`;
  const confirm = async (): Promise<void> => {
    const result = await runBatch(command, filter, setSoFar);
    props.onDone();
    if (result.refused.length > 0)
      throw new Error(`${formatCount(result.done, 'instance')} ${done}; ${result.refused.length} refused: ${result.refused[0]?.message ?? ''}`);
    toast({ text: `${formatCount(result.done, 'instance')} ${done}` });
  };
  return (
    <Confirm
      title={value?.matched === 1 ? `${label} this instance?` : `${label} ${many} instances?`}
      action={label}
      danger={command !== 'retry'}
      typed={command === 'delete' && (value?.matched ?? 0) > 100 ? 'delete' : undefined}
      onConfirm={confirm}
      onClose={props.onClose}
    >
      {says}
      {counted.error !== undefined && <span class="field-fault"> {counted.error.message}</span>}
      {soFar !== undefined && <span role="status"> {formatNumber(soFar)} so far.</span>}
    </Confirm>
  );
}
