/** One step in detail: output, input, log, attempts, artifacts, and what can be done to it on the spot. */
import { Ellipsis, X } from 'lucide-preact';
import { useEffect, useState } from 'preact/hooks';
import type { JSX } from 'preact';
import type { Step } from '../../../src/contract/instances.ts';
import { call } from '../../api.ts';
import { href, setParams, useParam } from '../../route.ts';
import { useCommands } from '../../shell/commands.ts';
import type { InstancePage, InstanceState } from '../../state/instance.ts';
import { Button, IconButton } from '../../ui/button.tsx';
import { copyText } from '../../ui/clipboard.ts';
import { Menu } from '../../ui/menu.tsx';
import { StatusChip } from '../../ui/status-chip.tsx';
import { TabPanel, Tabs } from '../../ui/tabs.tsx';
import { toast, toastError } from '../../ui/toast.tsx';
import { JobArtifacts } from '../jobs/artifacts.tsx';
import { JobLog } from '../jobs/job-log.tsx';
import { OutputDialog } from './output-dialog.tsx';
import { stepActions } from './step-actions.ts';
import type { StepAction } from './step-actions.ts';
import { StepLog } from './step-log.tsx';
import { StepAttempts } from './step-attempts.tsx';
import { StepResult } from './step-result.tsx';

export interface StepPaneProps {
  readonly state: InstanceState;
  readonly page: InstancePage;
  readonly step: Step;
  readonly onClose: () => void;
  readonly onRerunFrom: (path: string) => void;
}

const views = ['result', 'log', 'attempts', 'artifacts'] as const;
type ViewName = (typeof views)[number];
const titles: Readonly<Record<ViewName, string>> = { result: 'Result', log: 'Log', attempts: 'Attempts', artifacts: 'Artifacts' };

export function StepPane(props: StepPaneProps): JSX.Element {
  const { state, page, step } = props;
  const [chosen] = useParam('pane');
  const [writing, setWriting] = useState<'result' | 'complete'>();
  const shown = views.filter((name) => name !== 'artifacts' || step.jobId !== undefined);
  const view = shown.find((name) => name === chosen) ?? 'result';
  const outdated = page.outdated.has(step.path);
  useEffect(() => {
    if (outdated) state.fetchStep(step.path).catch((error: unknown) => toastError('Read the step', error));
  }, [outdated, step.path]);
  return (
    <div class="pane">
      <div class="pane-head">
        <h2 class="truncate mono" data-tip={step.path}>
          {step.path}
        </h2>
        <StatusChip status={step.status} />
        <Actions {...props} onWrite={setWriting} />
        <IconButton label="Close the step" hint="escape" icon={<X size={16} />} onClick={props.onClose} />
      </div>
      <div class="pane-tabs">
        <Tabs
          label="Views of the step"
          panelId="step-view"
          value={view}
          onChange={(next) => setParams({ pane: next })}
          tabs={shown.map((name) => ({ id: name, label: titles[name], ...(name === 'attempts' ? { count: step.attempt } : {}) }))}
        />
      </div>
      <TabPanel id="step-view" label={titles[view]}>
        {view === 'result' && <StepResult state={state} page={page} step={step} />}
        {view === 'log' &&
          (step.jobId === undefined ? (
            <StepLog instanceId={page.instance.id} step={step} />
          ) : (
            <JobLog key={step.jobId} jobId={step.jobId} live={step.endedAt === null} />
          ))}
        {view === 'attempts' && <StepAttempts instanceId={page.instance.id} step={step} />}
        {view === 'artifacts' && (
          <div class="pane-body">
            <JobArtifacts jobIds={step.jobId === undefined ? [] : [step.jobId]} version={`${step.seq}`} />
          </div>
        )}
      </TabPanel>
      {writing !== undefined && (
        <OutputDialog instanceId={page.instance.id} step={step} kind={writing} onDone={state.put} onClose={() => setWriting(undefined)} />
      )}
    </div>
  );
}

/** The likeliest action as a button, the rest in a menu and in the palette. */
function Actions(props: StepPaneProps & { readonly onWrite: (kind: 'result' | 'complete') => void }): JSX.Element {
  const { page, step, state } = props;
  const command = async (name: 'retry' | 'skip' | 'cancel', done: string): Promise<void> => {
    try {
      const reply = await call(`POST /api/v1/instances/{id}/steps/{path}/${name}`, { params: { id: page.instance.id, path: step.path } });
      state.put(reply.instance);
      toast({ text: reply.effect === 'isolated' ? `${done}. The steps after it keep their results.` : done });
    } catch (error) {
      toastError(`${name} ${step.path}`, error);
    }
  };
  const act = (action: StepAction, done: string): void => {
    if (action === 'rerun') props.onRerunFrom(step.path);
    else if (action === 'result' || action === 'complete') props.onWrite(action);
    else void command(action, done);
  };
  const looks = stepActions(step);
  const [first] = looks;
  useCommands(
    looks.map((look, index) => ({
      id: `step-${look.action}`,
      title: `${look.label.replace('…', '')}: ${step.path}`,
      group: 'This step',
      ...(index === 0 ? { keys: 's' } : {}),
      run: () => act(look.action, look.done ?? ''),
    })),
  );
  return (
    <>
      {first !== undefined && (
        <Button size="small" hint="s" onClick={() => act(first.action, first.done ?? '')}>
          {first.label}
        </Button>
      )}
      <Menu
        label={`Actions of ${step.path}`}
        items={[
          ...looks.map((look) => ({ label: look.label, danger: look.action === 'cancel', onSelect: () => act(look.action, look.done ?? '') })),
          { label: 'Copy a link to this step', separated: true, onSelect: () => void copyLink(step.path) },
          ...(step.jobId === undefined ? [] : [{ label: 'Open its job', href: href(`/jobs/${step.jobId}`) }]),
        ]}
      >
        <Ellipsis size={16} />
      </Menu>
    </>
  );
}

async function copyLink(path: string): Promise<void> {
  const url = new URL(window.location.href);
  url.searchParams.set('step', path);
  if (await copyText(url.href)) toast({ text: 'Link copied' });
}
