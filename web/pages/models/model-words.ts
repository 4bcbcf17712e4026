/** Words for what a model is and does: its chip, its line of why, its size. */
import { formatBytes, formatDuration, formatRelative } from '../../ui/format.ts';
import type { Download } from '../../../src/contract/model-downloads.ts';
import type { Model } from '../../../src/contract/models.ts';

/** A status that chips know, and the word on it. */
export interface StateWords {
  readonly status: string;
  readonly word: string;
}

const STATES: Readonly<Record<Model['runtime']['state'], StateWords>> = {
  unloaded: { status: 'disabled', word: 'Not loaded' },
  waiting: { status: 'waiting', word: 'Waiting' },
  loading: { status: 'starting', word: 'Loading' },
  loaded: { status: 'ok', word: 'Loaded' },
  draining: { status: 'draining', word: 'Unloading' },
  failed: { status: 'failed', word: 'Failed' },
};

/** What stands on a model's chip: its files first, then what it does. */
export function stateWords(model: Pick<Model, 'status' | 'runtime' | 'engine'>): StateWords {
  if (model.status === 'downloading') return { status: 'running', word: 'Downloading' };
  if (model.status === 'broken') return { status: 'failed', word: 'Broken' };
  if (model.engine === 'remote' && model.runtime.state === 'loaded') return { status: 'ok', word: 'Ready' };
  return STATES[model.runtime.state];
}

/** Where it lies, since when it idles, what it waits for. */
export function whyWords(model: Model, now: number): string {
  const { runtime } = model;
  if (model.fault !== undefined) return model.fault;
  if (runtime.error !== undefined && runtime.state !== 'loaded') return runtime.error;
  if (runtime.waitReason !== undefined) return runtime.waitReason.message;
  const part = runtime.load?.isFull === false ? runtime.load.message : '';
  const where = part !== '' ? part : runtime.devices.map((device) => `GPU ${device.index}, ${formatBytes(device.bytes)}`).join(' and ');
  const place = where !== '' ? where : runtime.state === 'loaded' && model.engine !== 'remote' ? 'main memory' : '';
  const use =
    runtime.inUse > 0 ? `${runtime.inUse} in use` : runtime.idleSince === undefined ? '' : `idle since ${formatRelative(Date.parse(runtime.idleSince), now)}`;
  return [place, use].filter((word) => word !== '').join(', ');
}

/** `8.2B · Q4_K_M`. */
export function kindWords(model: Pick<Model, 'parameters' | 'quantisation' | 'format' | 'engine'>): string {
  const size = model.parameters === null ? '' : countWords(model.parameters);
  return [size, model.quantisation ?? (model.format === 'gguf' ? '' : (model.format ?? ''))].filter((word) => word !== '').join(' · ');
}

function countWords(count: number): string {
  if (count >= 1e9) return `${(count / 1e9).toFixed(count >= 1e10 ? 0 : 1)}B`;
  if (count >= 1e6) return `${Math.round(count / 1e6)}M`;
  return `${Math.max(1, Math.round(count / 1e3))}K`;
}

/** How far a download is, in a line. */
export function progressWords(download: Download): string {
  if (download.status === 'failed') return download.error?.message ?? 'It failed.';
  if (download.status === 'queued') return download.waitReason?.message ?? 'waits for a slot';
  const bytes = `${formatBytes(download.bytesDone)} of ${download.bytesTotal === null ? 'unknown' : formatBytes(download.bytesTotal)}`;
  if (download.status === 'paused') return `${bytes}, kept until it goes on`;
  if (download.files.some((file) => file.state === 'verifying')) return `${bytes}, checking its hash`;
  const rate = download.rate === null ? '' : `, ${formatBytes(download.rate)}/s`;
  return `${bytes}${rate}${download.leftMs === null ? '' : `, ${formatDuration(download.leftMs)} left`}`;
}
