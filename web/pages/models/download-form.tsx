/** Asks for a download: a repository or an address. Where the server can't choose among a repository's files, it says which there are. */
import { useState } from 'preact/hooks';
import { call } from '../../api.ts';
import { useAction } from '../../state/action.ts';
import { Button } from '../../ui/button.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { Field, Input } from '../../ui/field.tsx';
import { toast } from '../../ui/toast.tsx';
import { ErrorView } from '../../ui/views.tsx';
import { FitBar } from './fit-bar.tsx';
import type { JSX } from 'preact';
import type { ApiError } from '../../api.ts';
import type { ModelEstimate } from '../../../src/contract/model-estimates.ts';

/** What was typed, as the API takes it. */
function sourceOf(text: string): { readonly url: string } | { readonly repo: string } {
  const plain = text.trim();
  return /^https?:\/\//i.test(plain) ? { url: plain } : { repo: plain };
}

export function DownloadForm(props: { readonly onClose: () => void; readonly onStarted: () => void }): JSX.Element {
  const [source, setSource] = useState('');
  const [file, setFile] = useState('');
  const [name, setName] = useState('');
  const [estimate, setEstimate] = useState<ModelEstimate>();
  const ready = source.trim() !== '';
  const start = useAction(async () => {
    const files = file.trim() === '' ? {} : { files: file.split(',').map((one) => one.trim()) };
    const body = { ...sourceOf(source), ...files, ...(name.trim() === '' ? {} : { name: name.trim() }) };
    const download = await call('POST /api/v1/models/downloads', { body, timeoutMs: 60_000 });
    toast({ text: download.status === 'completed' ? `${download.modelName} is here already` : `${download.modelName} is being downloaded` });
    props.onStarted();
    props.onClose();
  });
  const check = useAction(async () => {
    setEstimate(undefined);
    const asked = sourceOf(source);
    const query = 'url' in asked ? { url: asked.url } : { repo: asked.repo, file: file.trim() };
    setEstimate(await call('GET /api/v1/models/estimate', { query, timeoutMs: 60_000 }));
  });
  const error = start.error ?? check.error;
  const choices = choicesOf(error);
  const submit = (event: Event): void => {
    event.preventDefault();
    if (ready) void start.run();
  };
  const actions = (
    <>
      <Button busy={check.busy} disabled={!ready} onClick={() => void check.run()}>
        Does it fit?
      </Button>
      <Button kind="primary" type="submit" form="download-form" busy={start.busy} disabled={!ready}>
        Download
      </Button>
    </>
  );
  return (
    <Dialog title="Download a model" onClose={props.onClose} actions={actions}>
      <form id="download-form" class="stack" onSubmit={submit}>
        {error !== undefined && choices.length === 0 && <ErrorView compact title="It can’t be downloaded" error={error} />}
        <Field label="Repository or address" hint="owner/name on Hugging Face, with :Q8_0 behind it for a quantisation; or https://…">
          {(links) => <Input {...links} value={source} onInput={setSource} autofocus placeholder="Qwen/Qwen3-0.6B-GGUF" required mono />}
        </Field>
        <Field label="Files" optional hint="Default: Q4_K_M of a GGUF repository, else all that is needed. Several with commas; * stands for any text.">
          {(links) => <Input {...links} value={file} onInput={setFile} mono />}
        </Field>
        {choices.length > 0 && <Choices message={error?.message ?? ''} choices={choices} onChoose={setFile} />}
        <Field label="Name" optional hint="What /v1 and workflows call it. Default: after its file.">
          {(links) => <Input {...links} value={name} onInput={setName} mono />}
        </Field>
        {estimate !== undefined && <FitBar estimate={estimate} />}
      </form>
    </Dialog>
  );
}

/** The server names a file whole, or the beginning that the parts of one model share. */
function Choices(props: { readonly message: string; readonly choices: readonly string[]; readonly onChoose: (files: string) => void }): JSX.Element {
  return (
    <div class="stack stack-tight" role="alert">
      <p class="small">{props.message}</p>
      <div class="row row-wrap model-choices">
        {props.choices.map((choice) => (
          <Button key={choice} size="small" onClick={() => props.onChoose(/\.\w+$/.test(choice) ? choice : `${choice}*`)}>
            {choice}
          </Button>
        ))}
      </div>
    </div>
  );
}

/** What the server would take, where it could not choose. */
function choicesOf(error: ApiError | undefined): readonly string[] {
  const available = error?.details['available'];
  return Array.isArray(available) ? available.map(String).slice(0, 60) : [];
}
