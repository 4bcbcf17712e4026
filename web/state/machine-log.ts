/** Lines of the machine's log: a page of the past, older ones when asked, and live what comes, under one filter; or what lies around a time. Holds so many lines and lets the oldest go. */
import { signal } from '@preact/signals';
import { call } from '../api.ts';
import { asApiError } from '../api.ts';
import { live } from '../connection.ts';
import { lineOf, passes, type LogQuery, type ShownLine } from './machine-log-lines.ts';
import type { ReadonlySignal } from '@preact/signals';
import type { ApiError } from '../api.ts';

export interface MachineLog {
  /** Oldest first. */
  readonly lines: ReadonlySignal<readonly ShownLine[] | undefined>;
  readonly services: ReadonlySignal<readonly string[]>;
  /** Older ones may be there. */
  readonly hasOlder: ReadonlySignal<boolean>;
  readonly busy: ReadonlySignal<boolean>;
  readonly error: ReadonlySignal<ApiError | undefined>;
  older(): void;
  start(): void;
  close(): void;
}

/** Oldest first. */
interface Page {
  readonly lines: readonly ShownLine[];
  readonly next: string | null;
  /** The byte from which the socket goes on. */
  readonly end: number;
}

const PAGE = 500;
/** So much after a time is shown with it; of a log that writes more than is held, less. */
const AFTER_MS = [600_000, 60_000, 6_000, 0] as const;
/** A browser draws by window, but searches and copies all of it. */
const MAX_LINES = 5_000;

export function createMachineLog(query: LogQuery): MachineLog {
  const lines = signal<readonly ShownLine[] | undefined>(undefined);
  const services = signal<readonly string[]>(['studio']);
  const next = signal<string | null>(null);
  const hasOlder = signal(false);
  const busy = signal(false);
  const error = signal<ApiError | undefined>(undefined);
  const stop = new AbortController();
  let unfollow = (): void => undefined;
  let rest = '';

  /** One page, the newest line of those before a place. */
  async function read(after: string | null, until: string | undefined): Promise<Page> {
    const { service, level, text, requestId, since } = query;
    const asked = {
      service,
      limit: PAGE,
      ...(level === undefined ? {} : { level }),
      ...(text === '' ? {} : { text }),
      ...(requestId === '' ? {} : { requestId }),
      ...(since === undefined ? {} : { since }),
      ...(until === undefined ? {} : { until }),
      ...(after === null ? {} : { after }),
    };
    const page = await call('GET /api/v1/logs', { query: asked, signal: stop.signal });
    services.value = page.services;
    return { lines: page.items.toReversed(), next: page.next, end: page.end };
  }

  function show({ lines: shown, next: older }: Pick<Page, 'lines' | 'next'>): void {
    lines.value = shown.slice(-MAX_LINES);
    next.value = older;
    hasOlder.value = older !== null && shown.length < MAX_LINES;
  }

  async function readNow(): Promise<void> {
    const page = await read(null, undefined);
    show(page);
    follow(page.end);
  }

  async function readOlder(after: string): Promise<void> {
    const page = await read(after, undefined);
    show({ ...page, lines: [...page.lines, ...(lines.value ?? [])] });
  }

  /** From shortly after the time back to it. */
  async function readAround(atMs: number): Promise<void> {
    for (const afterMs of AFTER_MS) {
      const until = new Date(atMs + afterMs).toISOString();
      let found: Pick<Page, 'lines' | 'next'> = await read(null, until);
      // Serial: each page begins where the one before ended.
      while (found.next !== null && found.lines.length < MAX_LINES && !reaches(found.lines, atMs)) {
        const older = await read(found.next, until);
        found = { lines: [...older.lines, ...found.lines], next: older.next };
      }
      if (found.next === null || reaches(found.lines, atMs) || afterMs === AFTER_MS.at(-1)) return show(found);
    }
  }

  async function load(work: () => Promise<void>): Promise<void> {
    busy.value = true;
    try {
      await work();
      error.value = undefined;
    } catch (fault) {
      if (!stop.signal.aborted) error.value = asApiError(fault);
    } finally {
      busy.value = false;
    }
  }

  function follow(from: number): void {
    const ended = live.followLog(`machine_log:${query.service}`, from, {
      onReady: () => undefined,
      onText: ({ text }) => add(text),
      onGap: () => (rest = ''),
      onEnd: () => undefined,
      onDenied: () => undefined,
    });
    if (ended !== undefined) unfollow = ended;
  }

  function add(text: string): void {
    const parts = `${rest}${text}`.split('\n');
    rest = parts.pop() ?? '';
    const fresh = parts.flatMap((part) => {
      const line = part === '' ? undefined : lineOf(part);
      return line !== undefined && passes(line, part, query) ? [line] : [];
    });
    if (fresh.length > 0) lines.value = [...(lines.value ?? []), ...fresh].slice(-MAX_LINES);
  }

  return {
    ...{ lines, services, hasOlder, busy, error },
    older() {
      const after = next.value;
      if (after !== null && !busy.value) void load(() => readOlder(after));
    },
    start() {
      const { atMs } = query;
      void load(() => (atMs === undefined ? readNow() : readAround(atMs)));
    },
    close() {
      stop.abort();
      unfollow();
    },
  };
}

/** Whether the oldest line with a time is not after this one. */
function reaches(lines: readonly ShownLine[], atMs: number): boolean {
  const at = lines.find((line) => line.at !== null)?.at;
  return at !== undefined && at !== null && Date.parse(at) <= atMs;
}
