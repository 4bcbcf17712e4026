/** The list of all endpoints: http mounts it, identity/policy.ts has a rule for each, OpenAPI and the typed web client derive from it.
 *  A new noun is one line here; a route without a rule or without a handler does not typecheck. */
import type * as z from 'zod';
import { alertEndpoints } from './alerts.ts';
import { apiKeyEndpoints } from './api-keys.ts';
import { approvalEndpoints } from './approvals.ts';
import { artifactEndpoints } from './artifacts.ts';
import { auditEndpoints } from './audit.ts';
import { authEndpoints } from './auth.ts';
import { backupEndpoints } from './backups.ts';
import { batchEndpoints } from './batches.ts';
import { complianceEndpoints } from './compliance.ts';
import { costEndpoints } from './costs.ts';
import { credentialEndpoints } from './credentials.ts';
import { definitionEndpoints } from './definitions.ts';
import { diskEndpoints } from './disk.ts';
import { domainEndpoints } from './domains.ts';
import { editorEndpoints } from './editors.ts';
import { eventEndpoints } from './events.ts';
import { exampleEndpoints } from './examples.ts';
import { expressionEndpoints } from './expressions.ts';
import { fileEndpoints } from './files.ts';
import { formEndpoints } from './forms.ts';
import { gpuLeaseEndpoints } from './gpu-leases.ts';
import { gpuEndpoints } from './gpus.ts';
import { gatewayEndpoints } from './gateway.ts';
import { healthEndpoints } from './health.ts';
import { idleEndpoints } from './idle.ts';
import { instanceCommandEndpoints } from './instance-commands.ts';
import { instanceViewEndpoints } from './instance-views.ts';
import { instanceStatsEndpoints } from './instance-stats.ts';
import { instanceEndpoints } from './instances.ts';
import { inviteEndpoints } from './invites.ts';
import { jobGroupEndpoints } from './job-groups.ts';
import { jobLogEndpoints } from './job-logs.ts';
import { jobEndpoints } from './jobs.ts';
import { logEndpoints } from './logs.ts';
import { maintenanceEndpoints } from './maintenance.ts';
import { memberEndpoints } from './members.ts';
import { modelDownloadEndpoints } from './model-downloads.ts';
import { modelEstimateEndpoints } from './model-estimates.ts';
import { modelLifeEndpoints } from './model-life.ts';
import { modelLimitEndpoints } from './model-limits.ts';
import { modelUsageEndpoints } from './model-usage.ts';
import { modelEndpoints } from './models.ts';
import { nodeTypeEndpoints } from './node-types.ts';
import { notificationEndpoints } from './notifications.ts';
import { openapiEndpoints } from './openapi.ts';
import { orgEndpoints } from './orgs.ts';
import { queueEndpoints } from './queues.ts';
import { runDataEndpoints } from './run-data.ts';
import { savedViewEndpoints } from './saved-views.ts';
import { searchEndpoints } from './search.ts';
import { secretEndpoints } from './secrets.ts';
import { serviceEndpoints } from './services.ts';
import { settingsEndpoints } from './settings.ts';
import { systemEndpoints } from './system.ts';
import { testRunEndpoints } from './test-runs.ts';
import { triggerEndpoints } from './triggers.ts';
import { uploadEndpoints } from './uploads.ts';
import { userEndpoints } from './users.ts';
import { webhookEndpoints } from './webhooks.ts';
import { workerEndpoints } from './workers.ts';
import { workflowEndpoints } from './workflows.ts';

export const endpoints = [
  ...authEndpoints,
  ...userEndpoints,
  ...alertEndpoints,
  ...apiKeyEndpoints,
  ...logEndpoints,
  ...memberEndpoints,
  ...inviteEndpoints,
  ...orgEndpoints,
  ...secretEndpoints,
  ...credentialEndpoints,
  ...settingsEndpoints,
  ...maintenanceEndpoints,
  ...systemEndpoints,
  ...complianceEndpoints,
  ...domainEndpoints,
  ...auditEndpoints,
  ...workflowEndpoints,
  ...definitionEndpoints,
  ...testRunEndpoints,
  ...editorEndpoints,
  ...searchEndpoints,
  ...savedViewEndpoints,
  ...exampleEndpoints,
  ...triggerEndpoints,
  ...formEndpoints,
  ...instanceStatsEndpoints,
  ...instanceEndpoints,
  ...instanceCommandEndpoints,
  ...instanceViewEndpoints,
  ...batchEndpoints,
  ...approvalEndpoints,
  ...nodeTypeEndpoints,
  ...expressionEndpoints,
  ...jobEndpoints,
  ...jobLogEndpoints,
  ...artifactEndpoints,
  ...jobGroupEndpoints,
  ...queueEndpoints,
  ...workerEndpoints,
  ...serviceEndpoints,
  ...gpuEndpoints,
  ...gpuLeaseEndpoints,
  ...modelEndpoints,
  ...modelEstimateEndpoints,
  ...modelDownloadEndpoints,
  ...modelLifeEndpoints,
  ...modelLimitEndpoints,
  ...idleEndpoints,
  ...costEndpoints,
  ...runDataEndpoints,
  ...diskEndpoints,
  ...backupEndpoints,
  ...fileEndpoints,
  ...uploadEndpoints,
  ...eventEndpoints,
  ...notificationEndpoints,
  ...webhookEndpoints,
  ...modelUsageEndpoints,
  ...gatewayEndpoints,
  ...healthEndpoints,
  ...openapiEndpoints,
] as const;

export type Endpoint = (typeof endpoints)[number];
export type EndpointKey = Endpoint['key'];
export type EndpointOf<Key extends EndpointKey> = Extract<Endpoint, { readonly key: Key }>;
/** What a caller writes: before defaults and coercion. */
export type BodyOf<Key extends EndpointKey> = z.input<NonNullable<EndpointOf<Key>['body']>>;
export type ReplyOf<Key extends EndpointKey> = z.output<EndpointOf<Key>['reply']>;
