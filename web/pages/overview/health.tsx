/** The parts that Studio stands on, each with its figure and its word. */
import { href } from '../../route.ts';
import { health } from '../../state/health.ts';
import { formatBytes, formatDuration, formatMs } from '../../ui/format.ts';
import { Meter } from '../../ui/meter.tsx';
import { Card } from '../../ui/page.tsx';
import { StatusChip } from '../../ui/status-chip.tsx';
import { Skeleton } from '../../ui/views.tsx';
import type { ComponentChildren, JSX } from 'preact';
import type { Health } from '../../state/health.ts';

export function HealthCard(): JSX.Element {
  const value = health.value;
  return (
    <Card
      title="Health"
      flush
      aside={
        <a class="small" href={href('/settings/system')}>
          Details
        </a>
      }
    >
      {value === undefined ? <Skeleton rows={4} label="Loading health" /> : <Parts health={value} />}
    </Card>
  );
}

function Parts({ health: value }: { readonly health: Health }): JSX.Element {
  return (
    <ul class="work-list">
      {value.storage !== null && <StorageRow storage={value.storage} />}
      <Part name="Database" fact={value.database.ok ? formatMs(value.database.ms) : value.database.reason}>
        <StatusChip bare status={value.database.ok ? 'ok' : 'failed'} word={value.database.ok ? undefined : 'Down'} />
      </Part>
      <Part name="Redis" fact={value.redis.ok ? formatMs(value.redis.ms) : value.redis.reason}>
        <StatusChip bare status={value.redis.ok ? 'ok' : 'degraded'} word={value.redis.ok ? undefined : 'Missing'} />
      </Part>
      <Part name="Workers" fact={`${value.jobs.running} running, ${value.jobs.pending} waiting`}>
        <StatusChip bare status={value.workers.alive > 0 ? 'ok' : 'degraded'} word={`${value.workers.alive} alive`} />
      </Part>
      <Part name="Live connections" fact={`of ${value.sockets.limit}`}>
        <span class="mono">{value.sockets.open}</span>
      </Part>
    </ul>
  );
}

function StorageRow({ storage }: { readonly storage: Storage }): JSX.Element {
  const used = storage.totalBytes - storage.freeBytes;
  return (
    <li class="part">
      <div class="part-line">
        <span class="strong">Storage</span>
        <span class="muted truncate grow" data-tip={`${storage.path}: ${storage.mountType} at ${storage.mountPoint}`}>
          {formatBytes(storage.freeBytes)} free of {formatBytes(storage.totalBytes)}
        </span>
        <StatusChip bare status={isDurable(storage) ? 'ok' : 'degraded'} word={durability(storage)} />
      </div>
      <Meter label="Storage used" used={used} total={storage.totalBytes} />
    </li>
  );
}

type Storage = NonNullable<Health['storage']>;

function isDurable({ banner, shadow }: Storage): boolean {
  return banner === null && (shadow?.faults.length ?? 0) === 0;
}

/** One word for what a loss of this machine would cost. */
function durability({ banner, shadow }: Storage): string {
  if (banner !== null) return 'Not durable';
  if (shadow !== null && shadow.faults.length > 0) return 'Shadow disturbed';
  if (shadow === null || shadow.mode === 'sync') return 'Durable';
  return shadow.lagBytes === null || shadow.lagMs > 0 ? `${formatDuration(shadow.lagMs)} behind` : 'Durable';
}

function Part(props: { readonly name: string; readonly fact: string | undefined; readonly children: ComponentChildren }): JSX.Element {
  return (
    <li class="part">
      <div class="part-line">
        <span class="strong">{props.name}</span>
        <span class="muted truncate grow" data-tip={props.fact}>
          {props.fact}
        </span>
        {props.children}
      </div>
    </li>
  );
}
