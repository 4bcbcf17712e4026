/** Searches the whole of a large log on the server, page by page; what is found leads to its place. */
import { useState } from 'preact/hooks';
import type { JSX } from 'preact';
import { call } from '../../api.ts';
import { useAction } from '../../state/action.ts';
import { stripAnsi } from '../../ui/ansi.ts';
import { Button } from '../../ui/button.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { Input } from '../../ui/field.tsx';
import { formatBytes, formatCount } from '../../ui/format.ts';
import { Empty, ErrorView } from '../../ui/views.tsx';

interface Found {
  readonly matches: readonly { readonly at: number; readonly text: string }[];
  readonly next: number | null;
}

export function LogSearch(props: { readonly jobId: string; readonly onShow: (byte: number) => void }): JSX.Element {
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

function SearchDialog(props: { readonly jobId: string; readonly onShow: (byte: number) => void; readonly onClose: () => void }): JSX.Element {
  const [text, setText] = useState('');
  const [found, setFound] = useState<Found>();
  const look = useAction(async (from: number) => {
    const reply = await call('GET /api/v1/jobs/{id}/log/search', { params: { id: props.jobId }, query: { text, from } });
    setFound({ matches: [...(from === 0 ? [] : (found?.matches ?? [])), ...reply.matches], next: reply.next });
  });
  const submit = (event: Event): void => {
    event.preventDefault();
    setFound(undefined);
    if (text !== '') void look.run(0);
  };
  return (
    <Dialog title="Search the log" size="large" onClose={props.onClose} actions={<Button onClick={props.onClose}>Close</Button>}>
      <form class="row" onSubmit={submit}>
        <Input type="search" label="Text to look for" placeholder="Text" value={text} onInput={setText} maxLength={200} autofocus />
        <Button type="submit" kind="primary" busy={look.busy} disabled={text === ''}>
          Search
        </Button>
        {found !== undefined && (
          <span class="faint small figures" role="status">
            {formatCount(found.matches.length, 'line')}
          </span>
        )}
      </form>
      {look.error !== undefined && <ErrorView compact title="The log could not be searched" error={look.error} />}
      {found !== undefined && found.matches.length === 0 && found.next === null && <Empty title="No line holds this text" />}
      {found !== undefined && found.matches.length > 0 && (
        <ul class="log-matches" aria-label="Lines found">
          {found.matches.map((match) => (
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
      {found?.next != null && (
        <Button busy={look.busy} onClick={() => void look.run(found.next ?? 0)}>
          Look further
        </Button>
      )}
    </Dialog>
  );
}
