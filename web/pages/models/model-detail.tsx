/** One model: what it is, what it does, whether it fits, and what can be done to it. */
import { Pin, PinOff, Play, Square, Trash2, X } from 'lucide-preact';
import { useState } from 'preact/hooks';
import { useAction } from '../../state/action.ts';
import { commandModel, useEstimate } from '../../state/models.ts';
import { Button, IconButton } from '../../ui/button.tsx';
import { now } from '../../ui/clock.ts';
import { CopyId } from '../../ui/copy.tsx';
import { Field, Input } from '../../ui/field.tsx';
import { formatBytes, formatCount, formatDuration, formatNumber } from '../../ui/format.ts';
import { JsonView } from '../../ui/json-view.tsx';
import { Progress } from '../../ui/meter.tsx';
import { Facts } from '../../ui/page.tsx';
import { StatusChip } from '../../ui/status-chip.tsx';
import { RelativeTime } from '../../ui/time.tsx';
import { Banner, ErrorView } from '../../ui/views.tsx';
import { FitBar } from './fit-bar.tsx';
import { kindWords, stateWords, whyWords } from './model-words.ts';
import { TryModel } from './try-model.tsx';
import type { JSX } from 'preact';
import type { Model, ModelSource } from '../../../src/contract/models.ts';
import type { ModelVerb } from '../../state/models.ts';

export interface ModelDetailProps {
  readonly model: Model;
  readonly mayChange: boolean;
  readonly onChanged: () => void;
  readonly onDelete: () => void;
  readonly onClose: () => void;
}

export function ModelDetail(props: ModelDetailProps): JSX.Element {
  const { model } = props;
  const words = stateWords(model);
  const why = whyWords(model, now.value);
  return (
    <div class="model-detail">
      <header class="row model-head">
        <h2 class="model-name truncate">{model.name}</h2>
        <StatusChip status={words.status} word={words.word} />
        <span class="grow" />
        <IconButton size="small" label="Close" icon={<X size={16} />} onClick={props.onClose} />
      </header>
      <div class="pane-body stack">
        {model.fault !== undefined && <Banner tone="bad">{model.fault}</Banner>}
        {model.fault === undefined && why !== '' && <p class="small muted">{why}</p>}
        {model.runtime.progress !== undefined && <Progress label={`Load of ${model.name}`} value={model.runtime.progress} />}
        <ModelActions {...props} />
        {model.status === 'ready' && <TryModel model={model} />}
        <ModelFacts model={model} />
        <Backends model={model} />
        <Exits model={model} />
        {model.engine !== 'remote' && model.status === 'ready' && <Fit model={model} />}
        {model.settings !== undefined && Object.keys(model.settings).length > 0 && (
          <div class="stack stack-tight">
            <h3>Settings</h3>
            <JsonView value={model.settings} label="Settings" />
          </div>
        )}
      </div>
    </div>
  );
}

function ModelActions(props: ModelDetailProps): JSX.Element {
  const { model, mayChange } = props;
  const command = useAction(async (verb: ModelVerb) => {
    await commandModel(model.id, verb);
    props.onChanged();
  });
  const { state } = model.runtime;
  const isLocal = model.engine !== 'remote' && model.status === 'ready';
  const isDown = state === 'unloaded' || state === 'failed';
  return (
    <>
      <div class="row row-wrap">
        {isLocal && isDown && (
          <Button icon={<Play size={14} />} busy={command.busy} onClick={() => void command.run('load')}>
            Load
          </Button>
        )}
        {isLocal && mayChange && !isDown && (
          <Button icon={<Square size={14} />} busy={command.busy} disabled={state === 'draining'} onClick={() => void command.run('unload')}>
            Unload
          </Button>
        )}
        {isLocal && mayChange && (
          <Button
            icon={model.pinned ? <PinOff size={14} /> : <Pin size={14} />}
            busy={command.busy}
            tip={model.pinned ? 'Let it go when it idles' : 'Keep it loaded, now and at each start'}
            onClick={() => void command.run(model.pinned ? 'unpin' : 'pin')}
          >
            {model.pinned ? 'Unpin' : 'Pin'}
          </Button>
        )}
        {mayChange && (
          <Button kind="danger" icon={<Trash2 size={14} />} onClick={props.onDelete}>
            Delete
          </Button>
        )}
      </div>
      {command.error !== undefined && <ErrorView compact title="That did not work" error={command.error} />}
    </>
  );
}

function ModelFacts({ model }: { readonly model: Model }): JSX.Element {
  return (
    <Facts
      facts={[
        ['Id', <CopyId id={model.id} />],
        ['For', model.owner === 'machine' ? 'every organisation' : 'this organisation'],
        ['Model', [model.architecture, kindWords(model)].filter((word) => word !== null && word !== '').join(' · ')],
        ['Context', model.contextLength === null ? '' : `${formatNumber(model.contextLength)} tokens`],
        ['Size', model.bytes === 0 ? '' : formatBytes(model.bytes)],
        ['From', model.source === undefined ? '' : sourceWords(model.source)],
        ['Files', model.files === undefined || model.files.length < 2 ? '' : String(model.files.length)],
        ['Kept loaded', model.pinned ? 'always (pinned)' : model.ttlS === null ? '' : `${formatNumber(model.ttlS)} s after its last use`],
        ['Since', <RelativeTime at={model.createdAt} />],
      ]}
    />
  );
}

/** The servers of a provider, and whether each is asked now. */
function Backends({ model }: { readonly model: Model }): JSX.Element | null {
  const { backends } = model.runtime;
  if (backends === undefined || backends.length === 0) return null;
  return (
    <section class="stack stack-tight" aria-label="Servers">
      <h3>Servers</h3>
      <ul class="plain-list stack stack-tight">
        {backends.map((backend) => (
          <li key={backend.url}>
            <div class="row">
              <StatusChip bare status={backend.isUp ? 'ok' : 'failed'} word={backend.isUp ? 'Asked' : 'Left out'} />
              <span class="mono truncate" data-tip={backend.url}>
                {backend.url}
              </span>
              <span class="grow" />
              {backend.inFlight > 0 && <span class="small muted figures">{formatCount(backend.inFlight, 'request')} now</span>}
            </div>
            {backend.lastFault !== undefined && <div class="small faint">{backend.lastFault}</div>}
          </li>
        ))}
      </ul>
    </section>
  );
}

/** How its engine ended by itself. */
function Exits({ model }: { readonly model: Model }): JSX.Element | null {
  const { exits } = model.runtime;
  if (exits === undefined || exits.length === 0) return null;
  return (
    <section class="stack stack-tight" aria-label="Ended by itself">
      <h3>Ended by itself</h3>
      <ul class="plain-list stack stack-tight small">
        {exits.map((exit) => (
          <li key={exit.at} class="row">
            <RelativeTime at={exit.at} />
            <span>{exit.how}</span>
            <span class="faint">after {formatDuration(exit.uptimeMs)}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function sourceWords(source: ModelSource): string {
  if (source.kind === 'huggingface') return `${source.repo} at ${source.commit?.slice(0, 8) ?? source.revision}`;
  if (source.kind === 'url') return source.url;
  return source.kind === 'none' ? '' : source.path;
}

function Fit({ model }: { readonly model: Model }): JSX.Element {
  const [context, setContext] = useState('');
  const [parallel, setParallel] = useState('');
  const wish = (text: string): number | undefined => (/^[1-9]\d{0,7}$/.test(text) ? Number(text) : undefined);
  const estimate = useEstimate(model, { context: wish(context), parallel: wish(parallel) });
  return (
    <div class="stack stack-tight">
      <h3>Does it fit?</h3>
      <div class="row fit-form">
        <Field label="Tokens of context">
          {(links) => <Input {...links} type="number" min={1} value={context} placeholder={String(estimate.value?.load.context ?? '')} onInput={setContext} />}
        </Field>
        <Field label="At once">
          {(links) => (
            <Input {...links} type="number" min={1} value={parallel} placeholder={String(estimate.value?.load.parallel ?? '')} onInput={setParallel} />
          )}
        </Field>
      </div>
      {estimate.error !== undefined && <ErrorView compact title="It can’t be reckoned" error={estimate.error} />}
      {estimate.value !== undefined && <FitBar estimate={estimate.value} />}
    </div>
  );
}
