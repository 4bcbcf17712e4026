/** Searches the whole of a large log on the server and says how far it has come; what is found leads to its place. */
import { useEffect, useMemo, useState } from 'preact/hooks';
import type { JSX } from 'preact';
import { createLogSearch } from '../../state/log-search.ts';
import type { FindInLog, LogSearchState } from '../../state/log-search.ts';
import { stripAnsi } from '../../ui/ansi.ts';
import { Button } from '../../ui/button.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { Input } from '../../ui/field.tsx';
import { formatBytes, formatCount } from '../../ui/format.ts';
import { Progress } from '../../ui/meter.tsx';
import { Empty, ErrorView } from '../../ui/views.tsx';

interface LogSearchProps {
  /** The same one each time: another begins a new search. */
  readonly find: FindInLog;
  readonly onShow: (byte: number) => void;
}

export function LogSearch(props: LogSearchProps): JSX.Element {
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button size="small" onClick={() => setOpen(true)}>
        Search all of it…
      </Button>
      {open && <SearchDialog {...props} onClose={() => setOpen(false)} />}
    </>
  );
}

function SearchDialog(props: LogSearchProps & { readonly onClose: () => void }): JSX.Element {
  const [text, setText] = useState('');
  const search = useMemo(() => createLogSearch(props.find), [props.find]);
  useEffect(() => () => search.stop(), [search]);
  const matches = search.matches.value;
  const next = search.progress.value?.next;
  const submit = (event: Event): void => {
    event.preventDefault();
    if (text !== '') search.look(text);
  };
  return (
    <Dialog title="Search the log" size="large" onClose={props.onClose} actions={<Button onClick={props.onClose}>Close</Button>}>
      <form class="row" onSubmit={submit}>
        <Input type="search" label="Text to look for" placeholder="Text" value={text} onInput={setText} maxLength={200} autofocus />
        <Button type="submit" kind="primary" disabled={text === ''}>
          Search
        </Button>
        {search.isBusy.value && <Button onClick={() => search.stop()}>Stop</Button>}
      </form>
      <LookedThrough search={search} />
      {search.error.value !== undefined && <ErrorView compact title="The log could not be searched" error={search.error.value} />}
      {matches.length === 0 && next === null && <Empty title="No line holds this text" />}
      {matches.length > 0 && (
        <ul class="log-matches" aria-label="Lines found">
          {matches.map((match) => (
            <li key={match.at}>
              <button
                type="button"
                class="log-match"
                onClick={() => {
                  props.onShow(match.at);
                  props.onClose();
                }}
              >
                <span class="faint figures">{formatBytes(match.at)}</span>
                <span class="mono truncate">{stripAnsi(match.text)}</span>
              </button>
            </li>
          ))}
        </ul>
      )}
      {typeof next === 'number' && !search.isBusy.value && <Button onClick={() => search.goOn()}>Look further</Button>}
    </Dialog>
  );
}

function LookedThrough({ search }: { readonly search: LogSearchState }): JSX.Element | null {
  const progress = search.progress.value;
  if (progress === undefined && !search.isBusy.value) return null;
  const found = formatCount(search.matches.value.length, 'line');
  const { done = 0, bytes = 0 } = progress ?? {};
  const isAll = progress?.next === null;
  return (
    <div class="log-progress">
      <Progress label="Looked through" value={done / Math.max(1, bytes)} />
      <span class="faint small figures" role="status">
        {isAll ? `${found} in ${formatBytes(bytes)}` : `${found} in ${formatBytes(done)} of ${formatBytes(bytes)}`}
      </span>
    </div>
  );
}
