/** The log of Studio and of its services, live: by level, service, text, time and request; and the level that is written from. Of the machine. */
import { useEffect, useMemo, useState } from 'preact/hooks';
import { call } from '../../api.ts';
import { setParams, useParam } from '../../route.ts';
import { useAction } from '../../state/action.ts';
import { createMachineLog } from '../../state/machine-log.ts';
import { shownText } from '../../state/machine-log-lines.ts';
import { useOwned } from '../../state/use-owned.ts';
import { useResource } from '../../state/resource.ts';
import { Button } from '../../ui/button.tsx';
import { Input, Select } from '../../ui/field.tsx';
import { formatClock } from '../../ui/format.ts';
import { LogView } from '../../ui/log-view.tsx';
import { Page } from '../../ui/page.tsx';
import { toast } from '../../ui/toast.tsx';
import { ErrorView, Skeleton } from '../../ui/views.tsx';
import { MonitoringTabs } from './tabs.tsx';
import type { JSX } from 'preact';
import { logLevels } from '../../../src/contract/values.ts';
import type { LogLevel } from '../../../src/contract/values.ts';

const ANY = 'any';
const MINUTE_MS = 60_000;
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
  const least = logLevels.find((one) => one === level);
  const of = service === '' ? 'studio' : service;
  const since = useMemo(() => (minutes === '' ? undefined : new Date(Date.now() - Number(minutes) * MINUTE_MS).toISOString()), [minutes]);
  const log = useOwned(() => createMachineLog({ service: of, level: least, text, requestId, since }), [of, least, text, requestId, since]);
  const lines = log.lines.value;
  const shown = useMemo(() => lines?.map(shownText) ?? [], [lines]);
  return (
    <Page title="Logs" layout="fill" toolbar={<MonitoringTabs current="/logs" />} actions={<LevelPicker />}>
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
          onChange={(value) => setParams({ minutes: value })}
        />
        <SlowInput label="Text" placeholder="Text in the line" value={text} onSet={(value) => setParams({ text: value })} />
        <SlowInput label="Request" placeholder="Request id" value={requestId} onSet={(value) => setParams({ request: value })} />
        {log.hasOlder.value && (
          <Button size="small" busy={log.busy.value} onClick={() => log.older()}>
            Older
          </Button>
        )}
      </div>
      {log.error.value !== undefined && <ErrorView title="The log could not be read" error={log.error.value} onRetry={() => log.start()} />}
      {lines === undefined ? (
        log.error.value === undefined && <Skeleton rows={12} label="Loading the log" />
      ) : (
        <LogView label={`Log of ${of}`} lines={shown} live atEnd numbered={false} empty="No line passes the filter." />
      )}
    </Page>
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
