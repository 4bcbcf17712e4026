/** What an operator goes through before, while and after bringing Studio into service. What can be looked at is looked at; the rest is asked of a person. Pure. */
import type { Config } from '../config/schema.ts';
import type { Finding } from './doctor.ts';

export interface ChecklistItem {
  readonly phase: 'before' | 'start' | 'after';
  readonly name: string;
  /** `ask`: nobody but a person can tell. */
  readonly state: 'done' | 'open' | 'ask';
  readonly about: string;
}

export interface ChecklistFacts {
  readonly config: Config;
  readonly findings: readonly Finding[];
  readonly isRunning: boolean;
  /** Null: nobody answers. */
  readonly isHealthy: boolean | null;
  readonly isClaimed: boolean;
  /** Of the newest backup; null: there is none. */
  readonly backup: { readonly at: string; readonly isProved: boolean } | null;
}

export function checklistOf(facts: ChecklistFacts): readonly ChecklistItem[] {
  const { config, findings, isRunning, isHealthy, isClaimed, backup } = facts;
  const item = (phase: ChecklistItem['phase'], name: string, isDone: boolean, done: string, open: string): ChecklistItem => ({
    ...{ phase, name, state: isDone ? 'done' : 'open' },
    about: isDone ? done : open,
  });
  const ask = (phase: ChecklistItem['phase'], name: string, about: string): ChecklistItem => ({ phase, name, state: 'ask', about });
  const isEncrypted =
    config.tlsCertFile !== undefined || config.proxyFixEnabled || config.cloudflareTunnelToken !== undefined || config.runpodPodId !== undefined;
  return [
    ...findings.map(({ name, verdict, about, remedy }) => item('before', name, verdict === 'ok', about, `${about}. ${remedy ?? ''}`.trim())),
    item('before', 'environment', config.env === 'production', 'production: weak secrets are refused', 'set ENV=production, so that weak secrets are refused'),
    item(
      'before',
      'HTTPS',
      isEncrypted,
      'by a certificate, a tunnel or a proxy in front',
      'passwords cross the network as they are: TLS_CERT_FILE, or a proxy with PROXY_FIX_ENABLED',
    ),
    item(
      'before',
      'backup elsewhere',
      config.backupTarget !== undefined,
      String(config.backupTarget),
      'backups lie on the same volume as what they save: set BACKUP_TARGET to another disk or a bucket',
    ),
    item(
      'before',
      'backup passphrase',
      config.backupPassphrase !== undefined,
      'set: backups are sealed and hold the keys',
      'without BACKUP_PASSPHRASE a backup does not hold the keys of the secrets: keep .env elsewhere',
    ),
    item('start', 'running', isRunning, 'Studio runs', 'studio start --background, or studio install-service'),
    item('start', 'healthy', isHealthy === true, 'every required part answers', isHealthy === null ? 'nobody answers' : 'studio health says what is wrong'),
    item('start', 'administrator', isClaimed, 'somebody has claimed it', 'open the link that studio claim shows'),
    ask('start', 'works', 'studio smoke: logs in, runs a workflow, sees a worker do a job'),
    item('after', 'backup', backup !== null, `newest of ${backup?.at ?? ''}`, 'studio backup create, or a schedule under Settings, Backups'),
    item('after', 'backup proved', backup?.isProved === true, 'it was restored into a throw-away database and compared', 'studio backup verify ID'),
    item(
      'after',
      'somebody is told',
      config.smtpUrl !== undefined,
      'by e-mail, and in the app',
      'alerts stay in the app: set SMTP_URL, or a webhook under Monitoring, Alerts',
    ),
    ask('after', 'from outside', 'studio doctor --url ADDRESS: what a proxy in front breaks'),
    ask('after', 'keys', 'a copy of .env, or of the passphrase, lies where this machine can not take it along'),
  ];
}
