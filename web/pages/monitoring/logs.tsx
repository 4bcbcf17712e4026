/** The log of Studio and of its services, live: by level, service, text, time and request; and the level that is written from. Of the machine. */
import { useEffect, useMemo, useState } from 'preact/hooks';
import { call } from '../../api.ts';
import { setParams, useParam } from '../../route.ts';
import { useAction } from '../../state/action.ts';
import { createMachineLog } from '../../state/machine-log.ts';
import type { MachineLog } from '../../state/machine-log.ts';
import { shownText, timesOf } from '../../state/machine-log-lines.ts';
import { useOwned } from '../../state/use-owned.ts';
import { useResource } from '../../state/resource.ts';
import { Button } from '../../ui/button.tsx';
import { now } from '../../ui/clock.ts';
import { Input, Select } from '../../ui/field.tsx';
import { formatAbsolute, formatClock } from '../../ui/format.ts';
import { LogView } from '../../ui/log-view.tsx';
import { Page } from '../../ui/page.tsx';
import { toast } from '../../ui/toast.tsx';
import { ErrorView, Skeleton } from '../../ui/views.tsx';
import { GoToTime } from '../jobs/go-to-time.tsx';
import { MonitoringTabs } from './tabs.tsx';
import type { JSX } from 'preact';
import { logLevels } from '../../../src/contract/values.ts';
import type { LogLevel } from '../../../src/contract/values.ts';

const ANY = 'any';
const MINUTE_MS = 60_000;
const DAY_MS = 1_440 * MINUTE_MS;
/** A step on where the log was silent. */
const LATER_MS = MINUTE_MS;
const times = [
  { value: '', label: 'All that is kept' },
  { value: '15', label: 'Last 15 min' },
  { value: '60', label: 'Last hour' },
  { value: '1440', label: 'Last day' },
] as const;
const LEVEL_FOR_MS = 30 * MINUTE_MS;

export function LogsPage(): JSX.Element {
  const [level] = useParam('level');
  const [service] = useParam('service');
  const [text] = useParam('text');
  const [requestId] = useParam('request');
  const [minutes] = useParam('minutes');
  const [at] = useParam('at');
  const atMs = Number.isNaN(Date.parse(at)) ? undefined : Date.parse(at);
  const least = logLevels.find((one) => one === level);
  const of = service === '' ? 'studio' : service;
  const since = useMemo(() => (minutes === '' ? undefined : new Date(Date.now() - Number(minutes) * MINUTE_MS).toISOString()), [minutes]);
  const log = useOwned(() => createMachineLog({ service: of, level: least, text, requestId, since, atMs }), [of, least, text, requestId, since, atMs]);
  const lines = log.lines.value;
  const shown = useMemo(() => lines?.map(shownText) ?? [], [lines]);
  const starts = useMemo(() => timesOf(lines ?? []), [lines]);
  return (
    <Page title="Logs" layout="fill" toolbar={<MonitoringTabs current="/logs" />} actions={<LevelPicker />}>
      <Filter log={log} of={of} least={least} lastMs={starts.at(-1)} />
      {log.error.value !== undefined && <ErrorView title="The log could not be read" error={log.error.value} onRetry={() => log.start()} />}
      {lines === undefined ? (
        log.error.value === undefined && <Skeleton rows={12} label="Loading the log" />
      ) : (
        <LogView
          key={at}
          label={`Log of ${of}`}
          lines={shown}
          starts={starts}
          live={atMs === undefined}
          atEnd
          atByte={atMs}
          numbered={false}
          empty={atMs === undefined ? 'No line passes the filter.' : 'No line of that time or before it passes the filter.'}
        />
      )}
    </Page>
  );
}

interface FilterProps {
  readonly log: MachineLog;
  readonly of: string;
  readonly least: LogLevel | undefined;
  /** Of the last line that is shown. */
  readonly lastMs: number | undefined;
}

function Filter({ log, of, least, lastMs }: FilterProps): JSX.Element {
  const [text] = useParam('text');
  const [requestId] = useParam('request');
  const [minutes] = useParam('minutes');
  const [at] = useParam('at');
  const atMs = Number.isNaN(Date.parse(at)) ? undefined : Date.parse(at);
  return (
    <div class="logs-filter">
      <Select
        label="Level"
        value={least ?? ANY}
        options={[{ value: ANY, label: 'Every level' }, ...logLevels.map((value) => ({ value, label: `${value} and worse` }))]}
        onChange={(value) => setParams({ level: value === ANY ? '' : value })}
      />
      <Select
        label="Service"
        value={of}
        options={[...new Set([...log.services.value, of])].map((value) => ({ value, label: value }))}
        onChange={(value) => setParams({ service: value === 'studio' ? '' : value })}
      />
      <Select
        label="Time"
        value={times.find(({ value }) => value === minutes)?.value ?? ''}
        options={times}
        onChange={(value) => setParams({ minutes: value, at: '' })}
      />
      <SlowInput label="Text" placeholder="Text in the line" value={text} onSet={(value) => setParams({ text: value })} />
      <SlowInput label="Request" placeholder="Request id" value={requestId} onSet={(value) => setParams({ request: value })} />
      <GoToTime
        firstMs={now.value - DAY_MS}
        lastMs={now.value}
        hasBeginning={false}
        onTime={(ms) => setParams({ at: new Date(ms).toISOString(), minutes: '' })}
      />
      {atMs !== undefined && (
        <>
          <span class="small figures">Around {formatAbsolute(atMs)}</span>
          <Button size="small" onClick={() => setParams({ at: new Date(Math.max(atMs, lastMs ?? 0) + LATER_MS).toISOString() })}>
            Later
          </Button>
          <Button size="small" onClick={() => setParams({ at: '' })}>
            To now
          </Button>
        </>
      )}
      {log.hasOlder.value && (
        <Button size="small" busy={log.busy.value} onClick={() => log.older()}>
          Older
        </Button>
      )}
    </div>
  );
}

// Long enough that a word is typed, short enough to be the answer to it.
const TYPED_MS = 300;

/** A filter that is set once one has stopped typing. */
function SlowInput(props: {
  readonly label: string;
  readonly placeholder: string;
  readonly value: string;
  readonly onSet: (value: string) => void;
}): JSX.Element {
  const [typed, setTyped] = useState(props.value);
  useEffect(() => setTyped(props.value), [props.value]);
  useEffect(() => {
    if (typed === props.value) return undefined;
    const timer = setTimeout(() => props.onSet(typed), TYPED_MS);
    return () => clearTimeout(timer);
  }, [typed]);
  return <Input type="search" label={props.label} placeholder={props.placeholder} value={typed} onInput={setTyped} maxLength={200} />;
}

/** The level that is written from, at once; more than usual goes back by itself. */
function LevelPicker(): JSX.Element {
  const state = useResource((signal) => call('GET /api/v1/logs/level', { signal }), [], { everyMs: MINUTE_MS });
  const set = useAction(async (wanted: LogLevel) => {
    const isUsual = wanted === state.value?.configured;
    const next = await call('PUT /api/v1/logs/level', { body: { level: isUsual ? null : wanted, forMs: isUsual ? null : LEVEL_FOR_MS } });
    state.set(next);
    toast({ text: next.until === null ? `Written from ${next.level} on` : `Written from ${next.level} on until ${formatClock(Date.parse(next.until))}` });
  });
  const value = state.value;
  if (value === undefined) return <span class="faint small">–</span>;
  return (
    <span class="row">
      <span class="small muted">Write from</span>
      <Select
        label="Level that is written from"
        value={value.level}
        disabled={set.busy}
        options={logLevels.filter((one) => one !== 'fatal').map((one) => ({ value: one, label: one === value.configured ? `${one} (usual)` : one }))}
        onChange={(wanted) => void set.run(wanted)}
      />
    </span>
  );
}
