/** Lines of the machine's log: a page of the past, older ones when asked, and live what comes, under one filter. Holds so many lines and lets the oldest go. */
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

const PAGE = 500;
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

  async function load(after: string | null): Promise<void> {
    busy.value = true;
    try {
      const { service, level, text, requestId, since } = query;
      const asked = {
        service,
        limit: PAGE,
        ...(level === undefined ? {} : { level }),
        ...(text === '' ? {} : { text }),
        ...(requestId === '' ? {} : { requestId }),
        ...(since === undefined ? {} : { since }),
      };
      const page = await call('GET /api/v1/logs', { query: { ...asked, ...(after === null ? {} : { after }) }, signal: stop.signal });
      const found = page.items.map((item): ShownLine => ({ ...item, at: item.at })).toReversed();
      lines.value = [...found, ...(after === null ? [] : (lines.value ?? []))].slice(-MAX_LINES);
      next.value = page.next;
      hasOlder.value = page.next !== null && (lines.value?.length ?? 0) < MAX_LINES;
      services.value = page.services;
      error.value = undefined;
      if (after === null) follow(page.end);
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
      if (next.value !== null && !busy.value) void load(next.value);
    },
    start: () => void load(null),
    close() {
      stop.abort();
      unfollow();
    },
  };
}
