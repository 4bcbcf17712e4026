/** Where the log lines of a request are shown; undefined for who may not see them. Set by the shell, read by whatever shows a request's id. */
import { signal } from '@preact/signals';

export const requestLog = signal<((requestId: string) => string) | undefined>(undefined);
