/** Fields that name a thing of Studio: a secret, a model, a file, a workflow. Each lists what there is and takes what is typed. */
import { ExternalLink } from 'lucide-preact';
import { useId, useState } from 'preact/hooks';
import type { JSX } from 'preact';
import { call } from '../api.ts';
import { href } from '../route.ts';
import { useResource } from '../state/resource.ts';
import { Button } from '../ui/button.tsx';
import { PickFiles } from '../ui/drop-zone.tsx';
import { Select } from '../ui/field.tsx';
import { formatBytes } from '../ui/format.ts';
import { toastError } from '../ui/toast.tsx';
import { uploadFile } from '../upload.ts';
import { NewSecret } from './new-secret.tsx';
import { usePathDrop } from './path-drop.ts';
import type { ControlProps } from './value-types.ts';
import { ValueFrame, linksOf } from './value-frame.tsx';

// More names than one reads in a list; who has more types.
const SHOWN = 200;

/** A text with suggestions. */
function NamedField(
  props: ControlProps & { readonly names: readonly { readonly value: string; readonly label: string }[]; readonly placeholder: string },
): JSX.Element {
  const listId = useId();
  const { frame, value, onChange } = props;
  const drop = usePathDrop('', onChange);
  return (
    <div {...drop} class="grow">
      <input
        {...linksOf(frame)}
        class="input"
        list={listId}
        value={value === undefined ? '' : String(value)}
        placeholder={props.placeholder}
        disabled={frame.locked}
        autocomplete="off"
        spellcheck={false}
        onInput={(event) => onChange(event.currentTarget.value === '' && props.required !== true ? undefined : event.currentTarget.value)}
      />
      <datalist id={listId}>
        {props.names.map((name) => (
          <option key={name.value} value={name.value}>
            {name.label}
          </option>
        ))}
      </datalist>
    </div>
  );
}

export function SecretField(props: ControlProps): JSX.Element {
  const { frame, value } = props;
  const [isNew, setNew] = useState(false);
  const secrets = useResource(
    async (signal) => (await call('GET /api/v1/secrets', { query: { limit: SHOWN }, signal })).items.map((secret) => secret.name),
    [],
  );
  const names = secrets.value ?? [];
  const current = typeof value === 'string' ? value : '';
  return (
    <ValueFrame {...frame}>
      <div class="row">
        <Select
          {...linksOf(frame)}
          disabled={frame.locked}
          value={current}
          options={[
            { value: '', label: 'None' },
            ...names.map((name) => ({ value: name, label: name })),
            ...(current === '' || names.includes(current) ? [] : [{ value: current, label: secrets.value === undefined ? current : `${current} (not set)` }]),
          ]}
          onChange={(next) => props.onChange(next === '' ? undefined : next)}
        />
        <Button size="small" kind="quiet" disabled={frame.locked} onClick={() => setNew(true)}>
          New secret…
        </Button>
      </div>
      {isNew && (
        <NewSecret
          onClose={() => setNew(false)}
          onMade={(name) => {
            secrets.reload();
            props.onChange(name);
          }}
        />
      )}
    </ValueFrame>
  );
}

export function ModelField(props: ControlProps): JSX.Element {
  const models = useResource(async (signal) => (await call('GET /api/v1/models', { query: { limit: SHOWN }, signal })).items, []);
  const names = (models.value ?? []).map((model) => ({
    value: model.name,
    label: [model.engine, model.quantisation, model.bytes > 0 ? formatBytes(model.bytes) : ''].filter(Boolean).join(' · '),
  }));
  return (
    <ValueFrame {...props.frame}>
      <div class="row">
        <NamedField {...props} names={names} placeholder={names[0]?.value ?? 'model or provider/model'} />
        <a
          class="vf-tool"
          href={href('/models')}
          data-tip="The models of this machine"
          aria-label="The models of this machine"
          target="_blank"
          rel="noreferrer"
        >
          <ExternalLink size={12} />
        </a>
      </div>
    </ValueFrame>
  );
}

export function FileField(props: ControlProps): JSX.Element {
  const { frame, value, onChange } = props;
  const text = typeof value === 'string' ? value : '';
  const folder = text.includes('{{') ? '' : text.slice(0, text.lastIndexOf('/') + 1);
  const files = useResource(
    async (signal) => (await call('GET /api/v1/files', { query: { limit: SHOWN, ...(folder === '' ? {} : { prefix: folder }) }, signal })).items,
    [folder],
  );
  const [progress, setProgress] = useState<string>();
  const upload = async ([file]: readonly File[]): Promise<void> => {
    if (file === undefined) return;
    const path = `uploads/${file.name.normalize('NFC')}`;
    setProgress('0 %');
    try {
      const onProgress = (sent: number): void => setProgress(`${Math.floor((100 * sent) / Math.max(1, file.size))} %`);
      await uploadFile({ path, file, onProgress, signal: new AbortController().signal });
      onChange(path);
      files.reload();
    } catch (error) {
      toastError(`Upload ${file.name}`, error);
    }
    setProgress(undefined);
  };
  return (
    <ValueFrame {...frame}>
      <div class="row">
        <NamedField
          {...props}
          names={(files.value ?? []).map((file) => ({ value: file.path, label: formatBytes(file.bytes) }))}
          placeholder="folder/name.csv"
        />
        {!frame.locked && (
          <PickFiles multiple={false} onFiles={(picked) => void upload(picked)}>
            {progress ?? 'Upload…'}
          </PickFiles>
        )}
      </div>
    </ValueFrame>
  );
}

export function WorkflowField(props: ControlProps): JSX.Element {
  const { frame, value } = props;
  const found = useResource(async (signal) => (await call('GET /api/v1/workflows', { query: { limit: SHOWN }, signal })).items, []);
  const workflows = found.value ?? [];
  const current = typeof value === 'string' ? value : '';
  return (
    <ValueFrame {...frame}>
      <div class="row">
        <Select
          {...linksOf(frame)}
          disabled={frame.locked}
          value={current}
          options={[
            { value: '', label: found.value === undefined ? 'Loading…' : 'Pick a workflow' },
            ...workflows.map((workflow) => ({ value: workflow.id, label: workflow.name })),
            ...(current === '' || workflows.some((workflow) => workflow.id === current) ? [] : [{ value: current, label: current }]),
          ]}
          onChange={(next) => props.onChange(next === '' ? undefined : next)}
        />
        {current !== '' && (
          <a href={href(`/workflows/${current}`)} target="_blank" rel="noreferrer">
            Open it
          </a>
        )}
      </div>
    </ValueFrame>
  );
}
