/** Lines of a log or of code: drawn by window, terminal colours, search with marks, follow, copy, download. */
import { ArrowDownToLine, Download, WrapText } from 'lucide-preact';
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { ansiRuns, stripAnsi } from './ansi.ts';
import { IconButton } from './button.tsx';
import { CopyButton } from './copy.tsx';
import { Input } from './field.tsx';
import { rowAt, useAnchor } from './virtual-anchor.ts';
import { useVirtualRows } from './virtual-rows.ts';
import { scrollTo } from './virtual.ts';
import type { ComponentChildren, JSX } from 'preact';

export interface LogViewProps {
  readonly label: string;
  /** Lines without their line ends, oldest first. */
  readonly lines: readonly string[];
  /** Still growing: the end stays in sight until one scrolls away from it. */
  readonly live?: boolean | undefined;
  /** Where the whole text can be downloaded. */
  readonly downloadHref?: string | undefined;
  readonly downloadName?: string | undefined;
  readonly empty?: string | undefined;
  /** False: which lines these are is not known. Default true. */
  readonly numbered?: boolean | undefined;
  /** Begins at its end, also when it does not grow. */
  readonly atEnd?: boolean | undefined;
  /** Where each line begins, where lines come and go at the start: what one looks at stays in its place. */
  readonly starts?: readonly number[] | undefined;
  /** Begins at the line that holds this byte, marked. */
  readonly atByte?: number | undefined;
  /** Few lines are left before or after what is in sight. */
  readonly onEdge?: ((edge: 'before' | 'after') => void) | undefined;
  /** The first line in sight is another. */
  readonly onTop?: ((index: number) => void) | undefined;
  /** What stands before each line instead of its number. */
  readonly gutter?: ((index: number) => string) | undefined;
  /** Ways to other places, in the bar. */
  readonly tools?: ComponentChildren;
}

const LINE_PX = 20;
/** So many lines before the edge more are asked for. */
const EDGE_LINES = 200;

export function LogView(props: LogViewProps): JSX.Element {
  const scroller = useRef<HTMLDivElement>(null);
  const [search, setSearch] = useState('');
  const [follow, setFollow] = useState(props.live === true || props.atEnd === true);
  const isPlaced = useRef(false);
  const [hit, setHit] = useState(0);
  const { lines } = props;
  const seen = useVirtualRows(scroller, { count: lines.length, rowPx: LINE_PX });
  const hits = useMemo(() => findLines(lines, search), [lines, search]);

  const { atByte, starts } = props;
  // Who follows looks at the end, wherever its lines begin.
  const anchor = useAnchor(scroller, LINE_PX, follow ? undefined : starts);
  const topPx = useRef(0);
  useLayoutEffect(() => {
    const element = scroller.current;
    if (!follow || element === null) return;
    element.scrollTop = element.scrollHeight;
    topPx.current = element.scrollTop;
  }, [follow, lines]);

  const isThere = atByte !== undefined && starts !== undefined && (starts.at(-1) ?? -1) >= atByte;
  const marked = isThere ? rowAt(starts, atByte) : undefined;
  useEffect(() => {
    if (isPlaced.current || marked === undefined) return;
    isPlaced.current = true;
    show(marked);
  }, [marked]);

  const show = (index: number | undefined): void => {
    const element = scroller.current;
    if (index === undefined || element === null) return;
    setFollow(false);
    const shown = { index, rowPx: LINE_PX, scrollPx: element.scrollTop, heightPx: element.clientHeight };
    // What was asked for stands with some lines around it.
    element.scrollTop = Math.max(0, scrollTo(shown) === element.scrollTop ? element.scrollTop : (index + 0.5) * LINE_PX - element.clientHeight / 3);
  };
  const step = (by: number): void => {
    if (hits.length === 0) return;
    const next = (hit + by + hits.length) % hits.length;
    setHit(next);
    show(hits[next]);
  };
  const scrolled = (): void => {
    const element = scroller.current;
    if (element === null) return;
    anchor.note();
    const belowPx = element.scrollHeight - element.scrollTop - element.clientHeight;
    // An end that grew away is followed; only who scrolled up leaves it.
    const isFollowing = follow && element.scrollTop >= topPx.current;
    topPx.current = element.scrollTop;
    if (props.live === true) setFollow(isFollowing || belowPx < 2 * LINE_PX);
    props.onTop?.(Math.floor(element.scrollTop / LINE_PX));
    if ((!isFollowing || lines.length < EDGE_LINES) && element.scrollTop < EDGE_LINES * LINE_PX) props.onEdge?.('before');
    if (belowPx < EDGE_LINES * LINE_PX) props.onEdge?.('after');
  };
  return (
    <div class="log">
      <div class="log-bar">
        <Input
          type="search"
          label="Search the log"
          placeholder="Search"
          value={search}
          onInput={(text) => {
            setSearch(text);
            setHit(0);
            show(findLines(lines, text)[0]);
          }}
          onKeyDown={(event) => event.key === 'Enter' && step(event.shiftKey ? -1 : 1)}
        />
        {search !== '' && (
          <span class="faint figures small" role="status">
            {hits.length === 0 ? 'no match' : `${hit + 1} of ${hits.length}`}
          </span>
        )}
        {props.tools}
        <span class="grow" />
        {props.live === true && <IconButton label="Follow the end" icon={<ArrowDownToLine size={14} />} pressed={follow} onClick={() => setFollow(!follow)} />}
        <CopyButton text={lines.map(stripAnsi).join('\n')} label="Copy all" />
        {props.downloadHref !== undefined && (
          <a class="btn btn-icon btn-quiet" href={props.downloadHref} download={props.downloadName ?? ''} aria-label="Download" data-tip="Download">
            <Download size={14} />
          </a>
        )}
      </div>
      <div ref={scroller} class="log-scroll" role="log" aria-label={props.label} aria-live="off" tabIndex={0} onScroll={scrolled}>
        {lines.length === 0 && <div class="log-empty faint">{props.empty ?? 'Nothing was written.'}</div>}
        <div style={{ height: `${seen.abovePx}px` }} />
        {lines.slice(seen.first, seen.end).map((line, offset) => {
          const index = seen.first + offset;
          const number = props.gutter?.(index) ?? (props.numbered === false ? undefined : index + 1);
          return <LogLine key={index} line={line} number={number} isHit={search === '' ? index === marked : hits[hit] === index} search={search} />;
        })}
        <div style={{ height: `${seen.belowPx}px` }} />
      </div>
    </div>
  );
}

function LogLine(props: {
  readonly line: string;
  readonly number: number | string | undefined;
  readonly isHit: boolean;
  readonly search: string;
}): JSX.Element {
  return (
    <div class={props.isHit ? 'log-line log-hit' : 'log-line'}>
      <span class="log-number" aria-hidden="true">
        {props.number}
      </span>
      <span class="log-text">
        {ansiRuns(props.line).map((run, at) => (
          <span key={at} class={run.look === '' ? undefined : run.look}>
            {withMarks(run.text, props.search)}
          </span>
        ))}
      </span>
    </div>
  );
}

/** The text with what was searched for marked. */
function withMarks(text: string, search: string): readonly (string | JSX.Element)[] {
  if (search === '') return [text];
  const low = text.toLowerCase();
  const needle = search.toLowerCase();
  const parts: (string | JSX.Element)[] = [];
  let from = 0;
  for (let at = low.indexOf(needle); at >= 0; at = low.indexOf(needle, from)) {
    parts.push(text.slice(from, at), <mark key={at}>{text.slice(at, at + needle.length)}</mark>);
    from = at + needle.length;
  }
  return [...parts, text.slice(from)];
}

// LIMIT: a search shows the first 5,000 matching lines; more can't be stepped through anyway.
const MAX_HITS = 5_000;

function findLines(lines: readonly string[], search: string): readonly number[] {
  if (search === '') return [];
  const needle = search.toLowerCase();
  const found: number[] = [];
  for (let at = 0; at < lines.length && found.length < MAX_HITS; at += 1) {
    if (
      stripAnsi(lines[at] ?? '')
        .toLowerCase()
        .includes(needle)
    )
      found.push(at);
  }
  return found;
}

/** Text as a block with numbers off: small outputs, commands, samples. */
export function CodeBlock(props: { readonly text: string; readonly label: string; readonly wrap?: boolean | undefined }): JSX.Element {
  const [wrap, setWrap] = useState(props.wrap === true);
  return (
    <div class="code-block">
      <pre class={wrap ? 'code-wrap' : undefined} aria-label={props.label} tabIndex={0}>
        {props.text}
      </pre>
      <div class="code-tools">
        {props.text.includes('\n') && (
          <IconButton size="small" label="Wrap lines" pressed={wrap} icon={<WrapText size={14} />} onClick={() => setWrap(!wrap)} />
        )}
        <CopyButton text={props.text} />
      </div>
    </div>
  );
}
