/** What health asks everybody to know, as lines above every page. Pure. */
import type { Health } from './health.ts';

/** One line above every page. */
export interface Notice {
  readonly id: string;
  readonly tone: 'warn' | 'bad' | 'note';
  readonly text: string;
  /** A person may close it until the page is loaded again: it describes how this machine is, not what just went wrong. */
  readonly closable: boolean;
}

/** What everybody has to know now, worst first. */
export function noticesOf(value: Health): readonly Notice[] {
  const notices: Notice[] = [];
  if (value.status === 'draining')
    notices.push({ id: 'draining', tone: 'warn', closable: false, text: 'Studio is stopping. Jobs go on, and this page comes back by itself.' });
  if (value.maintenance.mode !== 'off') notices.push(maintenanceNotice(value.maintenance));
  if (value.storage?.banner) notices.push({ id: 'storage', tone: 'bad', closable: false, text: value.storage.banner });
  if (!value.database.ok)
    notices.push({
      id: 'database',
      tone: 'bad',
      closable: false,
      text: `The database does not answer: ${value.database.reason ?? 'no reason given'}. Studio tries again by itself.`,
    });
  if (!value.redis.ok)
    notices.push({
      id: 'redis',
      tone: 'warn',
      closable: true,
      text: `Redis is missing: ${value.redis.reason ?? 'it does not answer'}. Nothing is lost; live updates may be slower.`,
    });
  if (value.jobs.stuck > 0)
    notices.push({
      id: 'stuck',
      tone: 'warn',
      closable: true,
      text: `${value.jobs.stuck} ${value.jobs.stuck === 1 ? 'job waits' : 'jobs wait'} on a queue that no worker serves.`,
    });
  return notices;
}

function maintenanceNotice({ mode, message }: Health['maintenance']): Notice {
  const text =
    mode === 'on'
      ? `Maintenance${message === null ? '' : `: ${message}`}. Only super administrators can work now; what runs goes on.`
      : `Maintenance soon: ${message ?? 'people will be kept out for a while.'}`;
  return { id: `maintenance ${mode}`, tone: 'warn', closable: mode === 'warned', text };
}
