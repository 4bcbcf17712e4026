/** Which routes the application answers, and what each is handed. Makes no part: wire.ts does. */
import packageJson from '../package.json' with { type: 'json' };
import type { Backups } from './backup/backups.ts';
import { endpoints } from './contract/index.ts';
import type { Credentials } from './credentials/credentials.ts';
import type { Callbacks } from './engine/callbacks.ts';
import type { Engine } from './engine/engine.ts';
import { galleryOf } from './engine/examples/gallery.ts';
import type { Previewer } from './engine/preview.ts';
import type { Triggers } from './engine/triggers.ts';
import type { Files } from './files/files.ts';
import type { Uploads } from './files/uploads.ts';
import type { Route } from './http/route.ts';
import { apiKeyRoutes } from './http/routes/api-keys.ts';
import { approvalRoutes } from './http/routes/approvals.ts';
import { artifactRoutes } from './http/routes/artifacts.ts';
import { auditRoutes } from './http/routes/audit.ts';
import { authRoutes } from './http/routes/auth.ts';
import { backupRoutes } from './http/routes/backups.ts';
import { batchRoutes } from './http/routes/batches.ts';
import { credentialRoutes } from './http/routes/credentials.ts';
import { definitionRoutes } from './http/routes/definitions.ts';
import { diskRoutes } from './http/routes/disk.ts';
import { editorRoutes } from './http/routes/editors.ts';
import { eventRoutes } from './http/routes/events.ts';
import { exampleRoutes } from './http/routes/examples.ts';
import { expressionRoutes } from './http/routes/expressions.ts';
import { fileRoutes } from './http/routes/files.ts';
import { formRoutes } from './http/routes/forms.ts';
import { healthRoutes } from './http/routes/health.ts';
import { instanceStatsRoutes } from './http/routes/instance-stats.ts';
import { instanceViewRoutes } from './http/routes/instance-views.ts';
import { instanceCommandRoutes } from './http/routes/instance-commands.ts';
import { instanceRoutes } from './http/routes/instances.ts';
import { inviteRoutes } from './http/routes/invites.ts';
import { jobGroupRoutes } from './http/routes/job-groups.ts';
import { jobLogRoutes } from './http/routes/job-logs.ts';
import { jobRoutes } from './http/routes/jobs.ts';
import { memberRoutes } from './http/routes/members.ts';
import { nodeTypeRoutes } from './http/routes/node-types.ts';
import { notificationRoutes } from './http/routes/notifications.ts';
import { openapiRoutes } from './http/routes/openapi.ts';
import { orgRoutes } from './http/routes/orgs.ts';
import { queueRoutes } from './http/routes/queues.ts';
import { runDataRoutes } from './http/routes/run-data.ts';
import { savedViewRoutes } from './http/routes/saved-views.ts';
import { searchRoutes } from './http/routes/search.ts';
import { secretRoutes } from './http/routes/secrets.ts';
import { settingsRoutes } from './http/routes/settings.ts';
import { testRunRoutes } from './http/routes/test-runs.ts';
import { triggerRoutes } from './http/routes/triggers.ts';
import { uploadRoutes } from './http/routes/uploads.ts';
import { userRoutes } from './http/routes/users.ts';
import { webhookRoutes } from './http/routes/webhooks.ts';
import { workerRoutes } from './http/routes/workers.ts';
import { workflowRoutes } from './http/routes/workflows.ts';
import type { Identity } from './identity/identity.ts';
import type { Jobs } from './jobs/jobs.ts';
import type { Clock } from './kernel/clock.ts';
import { nodeTypes } from './nodes/index.ts';
import type { Notify } from './notify/notify.ts';
import type { HealthBoard } from './ops/health.ts';
import type { Infrastructure } from './ops/infrastructure.ts';
import type { OrgStorageControl } from './ops/org-storage.ts';
import type { Retention } from './ops/retention.ts';
import type { RunData } from './ops/run-data.ts';
import type { Orgs } from './orgs/orgs.ts';
import type { Realtime } from './realtime/realtime.ts';
import type { Tracing } from './tracing/tracing.ts';
import type { Watching } from './wire-watching.ts';

interface RouteParts {
  readonly identity: Identity;
  readonly credentials: Credentials;
  readonly orgs: Orgs;
  readonly notify: Notify;
  readonly engine: Engine;
  readonly triggers: Triggers;
  readonly jobs: Jobs;
  readonly previewer: Previewer;
  readonly callbacks: Callbacks;
  readonly files: Files;
  readonly uploads: Uploads;
  readonly runData: RunData;
  readonly retention: Retention;
  readonly orgStorage: OrgStorageControl;
  readonly infrastructure: Infrastructure;
  readonly backups: Backups;
  readonly watching: Pick<Watching, 'metrics' | 'routes'>;
  readonly tracing: Tracing | undefined;
  readonly realtime: Realtime;
  readonly board: HealthBoard;
  readonly clock: Clock;
  /** Of the parts that bring their routes themselves. */
  readonly more: readonly Route[];
}

export function routesOf(parts: RouteParts): readonly Route[] {
  const { identity, credentials, orgs, notify, engine, triggers, jobs, previewer, callbacks, files, uploads, runData, retention, backups, watching, realtime } =
    parts;
  const { board, infrastructure, clock, more } = parts;
  return [
    ...authRoutes(identity),
    ...userRoutes(identity),
    ...apiKeyRoutes(identity),
    ...memberRoutes(identity),
    ...inviteRoutes({ ...identity, mailNow: notify.mailNow }),
    ...orgRoutes(orgs),
    ...secretRoutes(identity),
    ...credentialRoutes(credentials),
    ...settingsRoutes({ settings: identity.settings, notify }),
    ...auditRoutes(identity),
    ...workflowRoutes({ engine }),
    ...triggerRoutes({ triggers, settings: identity.settings }),
    ...formRoutes(triggers.forms),
    ...definitionRoutes({ engine }),
    ...testRunRoutes({ engine }),
    ...editorRoutes({ engine }),
    ...searchRoutes(),
    ...savedViewRoutes(identity),
    ...instanceStatsRoutes({ clock }),
    ...instanceRoutes({ engine, jobs, clock, traceIdOf: parts.tracing?.traceIdOf }),
    ...instanceCommandRoutes({ engine, accounts: identity.accounts }),
    ...instanceViewRoutes({ jobs, traceIdOf: parts.tracing?.traceIdOf }),
    ...approvalRoutes({ accounts: identity.accounts }),
    ...batchRoutes({ engine, clock }),
    ...nodeTypeRoutes(nodeTypes),
    ...expressionRoutes({ previewer, clock }),
    ...exampleRoutes(galleryOf(nodeTypes)),
    ...webhookRoutes({ triggers, callbacks }),
    ...jobRoutes({ jobs }),
    ...jobLogRoutes({ jobs }),
    ...jobGroupRoutes({ jobs }),
    ...artifactRoutes({ files }),
    ...fileRoutes(files),
    ...uploadRoutes(uploads),
    ...queueRoutes({ jobs }),
    ...workerRoutes({ jobs }),
    ...notificationRoutes(notify),
    ...more,
    ...runDataRoutes(runData),
    ...diskRoutes({ retention, infrastructure, orgStorage: parts.orgStorage, runDataBytes: () => runData.summary?.bytes ?? null }),
    ...backupRoutes(backups),
    ...watching.routes,
    ...eventRoutes({ realtime, authenticate: identity.authenticate }),
    ...healthRoutes({ board, infrastructure, metrics: watching.metrics }),
    ...openapiRoutes({ specs: endpoints, version: packageJson.version }),
  ];
}
