/** What an idle machine does: how it stands now, keeping it awake, and the policy. */
import { useSignal } from '@preact/signals';
import { Coffee } from 'lucide-preact';
import { call } from '../../api.ts';
import { useAction } from '../../state/action.ts';
import { useResource } from '../../state/resource.ts';
import { Button } from '../../ui/button.tsx';
import { Checkbox, Field, Input, Select, Switch, Textarea } from '../../ui/field.tsx';
import { Card, Facts, Page } from '../../ui/page.tsx';
import { StatusChip } from '../../ui/status-chip.tsx';
import { RelativeTime } from '../../ui/time.tsx';
import { toast } from '../../ui/toast.tsx';
import { Banner, View } from '../../ui/views.tsx';
import { CardForm } from '../settings/card-form.tsx';
import { MachineTabs } from './machine-tabs.tsx';
import type { JSX } from 'preact';
import type { IdlePolicy, IdleState } from '../../../src/contract/idle.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const phases = {
  off: { status: 'disabled', word: 'Off' },
  awake: { status: 'ok', word: 'Awake' },
  warned: { status: 'degraded', word: 'About to act' },
  acted: { status: 'paused', word: 'Acted' },
} as const;

export function IdlePage(): JSX.Element {
  const idle = useResource((signal) => call('GET /api/v1/idle', { signal }), [], { everyMs: 15_000 });
  return (
    <Page title="Idle" toolbar={<MachineTabs current="/idle" />}>
      <View of={idle} what="What an idle machine does">
        {(state) => (
          <div class="settings">
            <IdleNow state={state} onChanged={idle.set} />
            <IdlePolicyForm key={JSON.stringify(state.policy)} policy={state.policy} onSaved={idle.set} />
          </div>
        )}
      </View>
    </Page>
  );
}

function IdleNow(props: { readonly state: IdleState; readonly onChanged: (state: IdleState) => void }): JSX.Element {
  const { state } = props;
  const keep = useAction(async (ms: number) => props.onChanged(await call('POST /api/v1/idle/keep-awake', { body: { ms } })));
  const phase = phases[state.phase];
  return (
    <Card title="Now" aside={<StatusChip status={phase.status} word={phase.word} />}>
      <div class="stack">
        {state.policy.enabled && state.policy.stop === 'pod' && !state.canStop.ok && <Banner tone="bad">{state.canStop.message}</Banner>}
        {state.last !== null && <Banner tone={state.last.ok ? 'note' : 'bad'}>{state.last.message}</Banner>}
        <Facts
          facts={[
            ['Busy with', state.busy.map(({ message }) => message).join(', ')],
            ['Idle since', state.idleSince === null ? undefined : <RelativeTime at={state.idleSince} />],
            ['Acts', state.actsAt === null ? undefined : <RelativeTime at={state.actsAt} />],
            ['Kept awake until', state.keptAwakeUntil === null ? undefined : <RelativeTime at={state.keptAwakeUntil} />],
            ['Stopping', state.canStop.message],
          ]}
        />
        <div class="row row-wrap">
          {[1, 4, 12].map((hours) => (
            <Button key={hours} size="small" icon={<Coffee size={12} />} busy={keep.busy} onClick={() => void keep.run(hours * HOUR_MS)}>
              Keep awake {hours} h
            </Button>
          ))}
          {state.keptAwakeUntil !== null && (
            <Button size="small" busy={keep.busy} onClick={() => void keep.run(0)}>
              No longer
            </Button>
          )}
        </div>
      </div>
    </Card>
  );
}

function IdlePolicyForm(props: { readonly policy: IdlePolicy; readonly onSaved: (state: IdleState) => void }): JSX.Element {
  const { policy } = props;
  const draft = useSignal({
    ...policy,
    afterMinutes: String(policy.afterMs / MINUTE_MS),
    warnMinutes: String(policy.warnMs / MINUTE_MS),
    percent: String(policy.gpuPercent),
    command: policy.hook?.command.join('\n') ?? '',
  });
  const set = (change: Partial<typeof draft.value>): void => void (draft.value = { ...draft.value, ...change });
  const save = useAction(async () => {
    const { afterMinutes, warnMinutes, percent, command, ...rest } = draft.value;
    const argv = command.split('\n').filter((line) => line !== '');
    const hook = argv.length === 0 ? null : { timeoutMs: MINUTE_MS, ...policy.hook, command: argv };
    const body = {
      ...rest,
      hook,
      afterMs: Math.round(Number(afterMinutes) * MINUTE_MS),
      warnMs: Math.round(Number(warnMinutes) * MINUTE_MS),
      gpuPercent: Number(percent),
    };
    props.onSaved(await call('PUT /api/v1/idle', { body }));
    toast({ text: body.enabled ? 'An idle machine will act' : 'An idle machine does nothing' });
  });
  const { value } = draft;
  return (
    <CardForm title="When nothing goes on" action="Save" busy={save.busy} error={save.error} fields={[]} onSend={() => void save.run()}>
      <Switch label="Act when the machine idles" checked={value.enabled} onChange={(enabled) => set({ enabled })} />
      <div class="service-form-grid">
        <Field label="After, minutes">
          {(links) => <Input {...links} type="number" min={1} value={value.afterMinutes} onInput={(afterMinutes) => set({ afterMinutes })} />}
        </Field>
        <Field label="Warned before, minutes">
          {(links) => <Input {...links} type="number" min={0} value={value.warnMinutes} onInput={(warnMinutes) => set({ warnMinutes })} />}
        </Field>
        <Field label="A GPU is busy above, %">{(links) => <Input {...links} value={value.percent} onInput={(percent) => set({ percent })} />}</Field>
        <Field label="Then">
          {(links) => (
            <Select
              {...links}
              value={value.stop}
              options={[
                { value: 'pod', label: 'Stop this pod (never terminate it)' },
                { value: 'none', label: 'Only warn and run the hook' },
              ]}
              onChange={(stop) => set({ stop })}
            />
          )}
        </Field>
      </div>
      <Checkbox
        label="Somebody who is signed in and does something keeps it awake"
        checked={value.countSessions}
        onChange={(countSessions) => set({ countSessions })}
      />
      <Checkbox
        label="So do instances that wait for a timer, a person or a callback"
        checked={value.countWaiting}
        onChange={(countWaiting) => set({ countWaiting })}
      />
      <Field label="Hook" optional hint="Run before the stop; one argument a line. Ending with another code than 0 it keeps the machine awake.">
        {(links) => <Textarea {...links} mono rows={3} value={value.command} onInput={(command) => set({ command })} />}
      </Field>
    </CardForm>
  );
}
