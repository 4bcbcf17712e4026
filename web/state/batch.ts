/** One command on many instances: counted first, then carried out call by call until none is left. */
import type * as z from 'zod';
import type { batchCommand } from '../../src/contract/batches.ts';
import { call } from '../api.ts';
import type { InstanceQuery } from './instance-filter.ts';

type BatchBody = z.input<typeof batchCommand>;
export type BatchCommand = BatchBody['command'];
export type BatchFilter = Omit<BatchBody['filter'], 'ids'> & { readonly ids?: readonly string[] };

// What one call takes; ids are sent in as many calls as they need.
const MOST = 1_000;

export interface BatchResult {
  readonly done: number;
  readonly refused: readonly { readonly id: string; readonly message: string }[];
}

/** The list's filter as a batch takes it. */
export function batchFilter(query: InstanceQuery): BatchFilter {
  const { status, ...rest } = query;
  return { ...rest, ...(status === undefined ? {} : { status: status.split(',') as NonNullable<BatchFilter['status']> }) };
}

/** How many it would be. @throws ApiError */
export async function batchCount(
  command: BatchCommand,
  filter: BatchFilter,
  signal: AbortSignal,
): Promise<{ readonly matched: number; readonly more: boolean }> {
  const { ids } = filter;
  if (ids !== undefined) return { matched: ids.length, more: false };
  return await call('POST /api/v1/instances/batch', { body: { command, filter: withoutIds(filter), dryRun: true }, signal });
}

/** @param onProgress told how many are done so far  @throws ApiError */
export async function runBatch(command: BatchCommand, filter: BatchFilter, onProgress: (done: number) => void): Promise<BatchResult> {
  let done = 0;
  const refused: { id: string; message: string }[] = [];
  const chunks = filter.ids === undefined ? undefined : chunksOf(filter.ids);
  for (let at = 0; chunks === undefined || at < chunks.length; at += 1) {
    // Serial: each call takes what the one before left.
    const reply = await call('POST /api/v1/instances/batch', {
      body: { command, filter: chunks === undefined ? withoutIds(filter) : { ids: [...(chunks[at] ?? [])] } },
      timeoutMs: 120_000,
    });
    done += reply.done;
    refused.push(...reply.refused);
    onProgress(done);
    // What is refused matches again: without progress there is no end.
    if (chunks === undefined && (!reply.more || reply.done === 0)) break;
  }
  return { done, refused };
}

function withoutIds(filter: BatchFilter): BatchBody['filter'] {
  const { ids: _ids, ...rest } = filter;
  return rest;
}

function chunksOf(ids: readonly string[]): readonly (readonly string[])[] {
  return Array.from({ length: Math.ceil(ids.length / MOST) }, (_each, index) => ids.slice(index * MOST, (index + 1) * MOST));
}
