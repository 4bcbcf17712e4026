/** The log of a service, live over the socket. Of a large one a stretch is held that grows where one scrolls; a search leads elsewhere in it. */
import { ArrowDownToLine, ArrowUpToLine } from 'lucide-preact';
import { useMemo } from 'preact/hooks';
import type { JSX } from 'preact';
import { call, urlOf } from '../../api.ts';
import { live as connection } from '../../connection.ts';
import { useCommands } from '../../shell/commands.ts';
import { shownLines, shownStarts } from '../../state/log-lines.ts';
import type { FindInLog } from '../../state/log-search.ts';
import { createLogWindow } from '../../state/log-window.ts';
import type { LogWindow } from '../../state/log-window.ts';
import { useOwned } from '../../state/use-owned.ts';
import { IconButton } from '../../ui/button.tsx';
import { formatBytes } from '../../ui/format.ts';
import { LogView } from '../../ui/log-view.tsx';
import { ErrorView } from '../../ui/views.tsx';
import { LogSearch } from '../jobs/log-search.tsx';

const PATH = '/api/v1/services/{name}/log';

export function ServiceLog({ name }: { readonly name: string }): JSX.Element {
  const shown = useOwned(
    () =>
      createLogWindow({
        plain: urlOf(PATH, { name }),
        urlFrom: (from) => urlOf(PATH, { name }, { follow: true, from }),
        socket: { live: connection, log: `service_log:${name}` },
      }),
    [name],
  );
  const log = shown.log.value;
  const starts = shownStarts(log);
  const place = shown.place.value;
  const isFromStart = (starts[0] ?? 0) === 0;
  useCommands([
    { id: 'log-start', title: 'To the beginning of the log', group: 'Log', keys: 'Home', run: () => shown.showAt(0) },
    { id: 'log-end', title: 'To the end of the log', group: 'Log', keys: 'End', run: () => shown.showEnd() },
  ]);
  return (
    <>
      {shown.error.value !== undefined && <ErrorView compact title="The log broke off" error={shown.error.value} />}
      <LogView
        key={place.turn}
        atEnd={place.isEnd}
        atByte={place.byte}
        label={`Log of ${name}`}
        lines={shownLines(log)}
        starts={starts}
        live={!shown.done.value && !shown.isInside.value}
        firstNumber={isFromStart ? log.dropped + 1 : undefined}
        numbered={isFromStart && shown.leftOut.value === 0}
        onEdge={(edge) => shown.more(edge)}
        tools={<Tools shown={shown} name={name} />}
        downloadHref={urlOf(PATH, { name }).href}
        downloadName={`${name}.log`}
        empty="Nothing was written yet."
      />
    </>
  );
}

/** Which part of a large log is shown, and the ways to others. */
function Tools({ shown, name }: { readonly shown: LogWindow; readonly name: string }): JSX.Element | null {
  const find = useMemo((): FindInLog => (query) => call('GET /api/v1/services/{name}/log/search', { params: { name }, query }), [name]);
  const isWhole = (shown.log.value.starts[0] ?? 0) === 0 && !shown.isInside.value && shown.leftOut.value === 0;
  if (isWhole) return null;
  return (
    <>
      <LogSearch find={find} onShow={(byte) => shown.showAt(byte)} />
      <IconButton label="To the beginning" icon={<ArrowUpToLine size={14} />} onClick={() => shown.showAt(0)} />
      {shown.isInside.value && <IconButton label="To the end" icon={<ArrowDownToLine size={14} />} onClick={() => shown.showEnd()} />}
      <span class="small faint figures">
        {shown.isInside.value
          ? `From ${formatBytes(shown.log.value.starts[0] ?? 0)} on of ${formatBytes(shown.bytes.value)}`
          : `The end of ${formatBytes(shown.bytes.value)}`}
      </span>
    </>
  );
}
