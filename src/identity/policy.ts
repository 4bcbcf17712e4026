/** The one table of routes × roles. Pure data and one pure question over it; a route without a rule does not typecheck.
 *  Which rows a caller sees is not decided here but by row-level security on the connection of the caller's org. */
import type { Scope } from '../contract/api-keys.ts';
import type { Caller } from '../contract/caller.ts';
import type { EndpointKey } from '../contract/index.ts';
import { roles, type Role } from '../contract/values.ts';

/** `public`: anybody. Otherwise a signed-in caller of at least `role`, and for API keys `scope`; scope null: a person's session, or a key with the scope `*`. */
export type Rule =
  | { readonly access: 'public' }
  | {
      readonly role: Role;
      readonly scope: Scope | null;
      /** Also open to callers on this machine itself without a token (not through a proxy). */
      readonly loopback?: true;
      /** Works before a temporary password was changed. */
      readonly beforePasswordChange?: true;
    };

const open = { access: 'public' } as const;
/** Facts about the machine: for everybody signed in, and for probes that run on it. */
const onMachine = { role: 'user', scope: 'machine:read', loopback: true } as const;
const may = (role: Role, scope: Scope | null): Rule => ({ role, scope });

export const policy: Readonly<Record<EndpointKey, Rule>> = {
  'POST /api/v1/auth/claim': open,
  'POST /api/v1/auth/login': open,
  'POST /api/v1/auth/refresh': open,
  'POST /api/v1/auth/invite': open,
  'POST /api/v1/auth/invite/accept': open,
  'POST /api/v1/auth/invite/join': may('user', null),
  'POST /api/v1/auth/org': may('user', null),
  'GET /api/v1/users/me/orgs': may('user', 'users:read'),
  'POST /api/v1/auth/logout': { role: 'user', scope: null, beforePasswordChange: true },
  'GET /api/v1/auth/sessions': may('user', null),
  'DELETE /api/v1/auth/sessions/{id}': may('user', null),
  'GET /api/v1/users/me': { role: 'user', scope: 'users:read', beforePasswordChange: true },
  'PATCH /api/v1/users/me': may('user', null),
  'POST /api/v1/users/me/password': { role: 'user', scope: null, beforePasswordChange: true },
  'GET /api/v1/api-keys': may('user', null),
  'POST /api/v1/api-keys': may('user', null),
  'PATCH /api/v1/api-keys/{id}': may('user', null),
  'DELETE /api/v1/api-keys/{id}': may('user', null),
  'GET /api/v1/api-keys/{id}/model-use': may('user', null),

  'GET /api/v1/orgs/current/members': may('admin', 'members:read'),
  'POST /api/v1/orgs/current/members': may('admin', 'members:write'),
  'PATCH /api/v1/orgs/current/members/{userId}': may('admin', 'members:write'),
  'DELETE /api/v1/orgs/current/members/{userId}': may('admin', 'members:write'),
  'GET /api/v1/orgs/current/invites': may('admin', 'members:read'),
  'POST /api/v1/orgs/current/invites': may('admin', 'members:write'),
  'PATCH /api/v1/orgs/current/invites/{id}': may('admin', 'members:write'),
  'POST /api/v1/orgs/current/invites/{id}/resend': may('admin', 'members:write'),
  'DELETE /api/v1/orgs/current/invites/{id}': may('admin', 'members:write'),
  // Whole orgs, others' too.
  'GET /api/v1/orgs': may('super_admin', null),
  'POST /api/v1/orgs': may('super_admin', null),
  'PATCH /api/v1/orgs/{id}': may('super_admin', null),
  'POST /api/v1/orgs/{id}/export': may('super_admin', null),
  'POST /api/v1/orgs/import': may('super_admin', null),
  'GET /api/v1/orgs/{id}/purge': may('super_admin', null),
  'POST /api/v1/orgs/{id}/purge': may('super_admin', null),
  'GET /api/v1/org-purges': may('super_admin', null),
  'GET /api/v1/secrets': may('user', 'secrets:read'),
  'PUT /api/v1/secrets/{name}': may('admin', 'secrets:write'),
  'DELETE /api/v1/secrets/{name}': may('admin', 'secrets:write'),
  'GET /api/v1/credential-types': may('user', 'credentials:read'),
  'GET /api/v1/credentials': may('user', 'credentials:read'),
  'POST /api/v1/credentials': may('admin', 'credentials:write'),
  'GET /api/v1/credentials/{id}': may('user', 'credentials:read'),
  'PATCH /api/v1/credentials/{id}': may('admin', 'credentials:write'),
  'DELETE /api/v1/credentials/{id}': may('admin', 'credentials:write'),
  // Who may use it: the credential itself says.
  'POST /api/v1/credentials/{id}/test': may('user', 'credentials:run'),
  'GET /api/v1/credentials/{id}/workflows': may('user', 'credentials:read'),
  'GET /api/v1/settings': may('user', 'settings:read'),
  'PATCH /api/v1/settings': may('admin', 'settings:write'),
  'GET /api/v1/audit': may('admin', 'audit:read'),
  'GET /api/v1/audit/export': may('admin', 'audit:read'),

  'POST /api/v1/workflows': may('user', 'workflows:write'),
  'GET /api/v1/workflows': may('user', 'workflows:read'),
  'GET /api/v1/workflows/{id}': may('user', 'workflows:read'),
  'PUT /api/v1/workflows/{id}': may('user', 'workflows:write'),
  'GET /api/v1/workflows/{id}/draft': may('user', 'workflows:read'),
  'PUT /api/v1/workflows/{id}/draft': may('user', 'workflows:write'),
  'DELETE /api/v1/workflows/{id}': may('user', 'workflows:write'),
  'POST /api/v1/workflows/{id}/unarchive': may('user', 'workflows:write'),
  'PUT /api/v1/workflows/{id}/tags': may('user', 'workflows:write'),
  'GET /api/v1/tags': may('user', 'workflows:read'),
  'GET /api/v1/workflows/{id}/versions': may('user', 'workflows:read'),
  'GET /api/v1/workflows/{id}/versions/{n}': may('user', 'workflows:read'),
  'POST /api/v1/workflows/{id}/versions/{n}/restore': may('user', 'workflows:write'),
  'POST /api/v1/workflows/validate': may('user', 'workflows:read'),
  'POST /api/v1/workflows/compare': may('user', 'workflows:read'),
  'GET /api/v1/workflows/{id}/diff': may('user', 'workflows:read'),
  'GET /api/v1/workflows/{id}/export': may('user', 'workflows:read'),
  'POST /api/v1/workflows/import': may('user', 'workflows:write'),
  'POST /api/v1/workflows/{id}/copy': may('user', 'workflows:write'),
  'POST /api/v1/workflows/{id}/test-runs': may('user', 'workflows:write'),
  'GET /api/v1/workflows/{id}/editors': may('user', 'workflows:read'),
  'PUT /api/v1/workflows/{id}/editors': may('user', 'workflows:write'),
  'DELETE /api/v1/workflows/{id}/editors': may('user', 'workflows:write'),
  'GET /api/v1/workflows/{id}/last-outputs': may('user', 'instances:read'),
  // Over many nouns: for a person, or a key that may do anything.
  'GET /api/v1/search': may('user', null),
  'GET /api/v1/views': may('user', null),
  'POST /api/v1/views': may('user', null),
  'PATCH /api/v1/views/{id}': may('user', null),
  'DELETE /api/v1/views/{id}': may('user', null),
  'GET /api/v1/triggers': may('user', 'workflows:read'),
  'POST /api/v1/triggers/pause': may('admin', 'settings:write'),
  'POST /api/v1/triggers/resume': may('admin', 'settings:write'),
  'POST /api/v1/workflows/{id}/triggers/enable': may('user', 'workflows:write'),
  'POST /api/v1/workflows/{id}/triggers/disable': may('user', 'workflows:write'),
  'POST /api/v1/workflows/{id}/triggers/{key}/enable': may('user', 'workflows:write'),
  'POST /api/v1/workflows/{id}/triggers/{key}/disable': may('user', 'workflows:write'),
  'POST /api/v1/workflows/{id}/triggers/{key}/rotate': may('user', 'workflows:write'),
  'GET /api/v1/workflows/{id}/forms/{key}': may('user', 'workflows:run'),
  'POST /api/v1/workflows/{id}/forms/{key}': may('user', 'workflows:run'),
  'GET /api/v1/examples': may('user', 'workflows:read'),
  'GET /api/v1/examples/{id}': may('user', 'workflows:read'),
  'GET /api/v1/node-types': may('user', 'workflows:read'),
  'POST /api/v1/expressions/preview': may('user', 'workflows:read'),
  'GET /api/v1/triggers/next-times': may('user', 'workflows:read'),

  'POST /api/v1/workflows/{id}/instances': may('user', 'workflows:run'),
  'POST /api/v1/workflows/{id}/instances/batch': may('user', 'workflows:run'),
  'GET /api/v1/instances/stats': may('user', 'instances:read'),
  'GET /api/v1/instances': may('user', 'instances:read'),
  'POST /api/v1/instances/batch': may('user', 'instances:run'),
  'GET /api/v1/instances/{id}': may('user', 'instances:read'),
  // It holds the definition too, which a key that reads instances alone may not read.
  'GET /api/v1/instances/{id}/view': may('user', null),
  'GET /api/v1/instances/{id}/steps/{path}/outlines': may('user', 'instances:read'),
  'GET /api/v1/instances/{id}/steps/{path}/items/indexes': may('user', 'instances:read'),
  'GET /api/v1/instances/{id}/steps': may('user', 'instances:read'),
  'GET /api/v1/instances/{id}/steps/{path}/items': may('user', 'instances:read'),
  'GET /api/v1/instances/{id}/steps/{path}/attempts': may('user', 'instances:read'),
  'GET /api/v1/instances/{id}/steps/{path}/log': may('user', 'instances:read'),
  'GET /api/v1/instances/{id}/events': may('user', 'instances:read'),
  'DELETE /api/v1/instances/{id}': may('user', 'instances:write'),
  'POST /api/v1/instances/{id}/start': may('user', 'instances:run'),
  'POST /api/v1/instances/{id}/pause': may('user', 'instances:run'),
  'POST /api/v1/instances/{id}/resume': may('user', 'instances:run'),
  'POST /api/v1/instances/{id}/cancel': may('user', 'instances:run'),
  'POST /api/v1/instances/{id}/retry': may('user', 'instances:run'),
  'POST /api/v1/instances/{id}/rerun': may('user', 'instances:run'),
  'POST /api/v1/instances/{id}/steps/{path}/start': may('user', 'instances:run'),
  'POST /api/v1/instances/{id}/steps/{path}/retry': may('user', 'instances:run'),
  'POST /api/v1/instances/{id}/steps/{path}/skip': may('user', 'instances:run'),
  'POST /api/v1/instances/{id}/steps/{path}/cancel': may('user', 'instances:run'),
  'POST /api/v1/instances/{id}/steps/{path}/complete': may('user', 'instances:run'),
  'POST /api/v1/instances/{id}/steps/{path}/result': may('user', 'instances:run'),
  'POST /api/v1/instances/{id}/steps/{path}/approve': may('user', 'instances:run'),
  'POST /api/v1/instances/{id}/steps/{path}/reject': may('user', 'instances:run'),
  'GET /api/v1/approvals': may('user', 'instances:read'),

  // A command runs as the service itself until the sandbox ladder stands.
  'POST /api/v1/jobs': may('super_admin', 'jobs:run'),
  'POST /api/v1/jobs/test': may('super_admin', 'jobs:run'),
  'GET /api/v1/jobs': may('user', 'jobs:read'),
  'GET /api/v1/jobs/{id}': may('user', 'jobs:read'),
  'GET /api/v1/jobs/{id}/spec': may('super_admin', 'jobs:read'),
  'GET /api/v1/jobs/{id}/dependencies': may('user', 'jobs:read'),
  'PATCH /api/v1/jobs/{id}': may('user', 'jobs:run'),
  'POST /api/v1/jobs/{id}/cancel': may('user', 'jobs:run'),
  'POST /api/v1/jobs/{id}/retry': may('super_admin', 'jobs:run'),
  'GET /api/v1/jobs/{id}/log': may('user', 'jobs:read'),
  'GET /api/v1/jobs/{id}/log/search': may('user', 'jobs:read'),
  'GET /api/v1/jobs/{id}/log/times': may('user', 'jobs:read'),
  'GET /api/v1/jobs/{id}/metrics': may('user', 'jobs:read'),
  'GET /api/v1/jobs/{id}/artifacts': may('user', 'jobs:read'),
  'GET /api/v1/jobs/{id}/artifacts/archive': may('user', 'jobs:read'),
  'GET /api/v1/artifacts/{id}': may('user', 'jobs:read'),
  'GET /api/v1/job-groups/{id}': may('user', 'jobs:read'),
  'POST /api/v1/job-groups/{id}/cancel': may('user', 'jobs:run'),
  'POST /api/v1/job-groups/{id}/retry': may('super_admin', 'jobs:run'),

  'GET /api/v1/queues': may('user', 'machine:read'),
  'PATCH /api/v1/queues/{name}': may('super_admin', 'machine:write'),
  'GET /api/v1/workers': may('user', 'machine:read'),
  'POST /api/v1/workers/{id}/deregister': may('super_admin', 'machine:write'),
  'POST /api/v1/workers/{id}/admit': may('super_admin', 'machine:write'),
  'GET /api/v1/gpus': may('user', 'machine:read'),
  'GET /api/v1/gpus/leases': may('user', 'machine:read'),
  'GET /api/v1/gpus/queue': may('user', 'machine:read'),
  'GET /api/v1/gpus/history': may('user', 'machine:read'),
  'POST /api/v1/gpus/{uuid}/drain': may('super_admin', 'machine:write'),
  'POST /api/v1/gpus/{uuid}/resume': may('super_admin', 'machine:write'),
  'GET /api/v1/system/metrics': may('user', 'machine:read'),
  'GET /api/v1/alerts': may('user', 'machine:read'),
  // Where it posts to may be a secret.
  'GET /api/v1/alerts/settings': may('super_admin', 'machine:read'),
  'PUT /api/v1/alerts/settings': may('super_admin', 'machine:write'),
  'POST /api/v1/alerts/test': may('super_admin', 'machine:write'),
  // They tell of every organisation.
  'GET /api/v1/logs': may('super_admin', 'machine:read'),
  'GET /api/v1/logs/level': may('super_admin', 'machine:read'),
  'PUT /api/v1/logs/level': may('super_admin', 'machine:write'),
  'GET /api/v1/services': may('user', 'machine:read'),
  // Who defines a service runs programs as Studio itself; their environment and what they write may hold what only the machine's owner should see.
  'POST /api/v1/services': may('super_admin', 'machine:write'),
  'GET /api/v1/services/{name}': may('super_admin', 'machine:read'),
  'PUT /api/v1/services/{name}': may('super_admin', 'machine:write'),
  'DELETE /api/v1/services/{name}': may('super_admin', 'machine:write'),
  'POST /api/v1/services/{name}/enable': may('super_admin', 'machine:write'),
  'POST /api/v1/services/{name}/disable': may('super_admin', 'machine:write'),
  'GET /api/v1/services/{name}/log': may('super_admin', 'machine:read'),
  'GET /api/v1/services/{name}/log/search': may('super_admin', 'machine:read'),
  'GET /api/v1/services/{name}/log/times': may('super_admin', 'machine:read'),
  'POST /api/v1/services/{name}/start': may('super_admin', 'machine:write'),
  'POST /api/v1/services/{name}/stop': may('super_admin', 'machine:write'),
  'POST /api/v1/services/{name}/restart': may('super_admin', 'machine:write'),
  'GET /api/v1/models': may('user', 'models:read'),
  'POST /api/v1/models': may('super_admin', 'models:write'),
  'GET /api/v1/models/{id}': may('user', 'models:read'),
  'PATCH /api/v1/models/{id}': may('super_admin', 'models:write'),
  'DELETE /api/v1/models/{id}': may('super_admin', 'models:write'),
  // Whoever asks a model loads it.
  'POST /api/v1/models/{id}/load': may('user', 'models:run'),
  'POST /api/v1/models/{id}/unload': may('super_admin', 'models:write'),
  'POST /api/v1/models/{id}/pin': may('super_admin', 'models:write'),
  'POST /api/v1/models/{id}/unpin': may('super_admin', 'models:write'),
  'GET /api/v1/models/{id}/estimate': may('user', 'models:read'),
  // It asks another server for what the caller names, with the token.
  'GET /api/v1/models/estimate': may('super_admin', 'models:read'),
  'POST /api/v1/models/downloads': may('super_admin', 'models:write'),
  'GET /api/v1/models/downloads': may('user', 'models:read'),
  'GET /api/v1/models/downloads/{id}': may('user', 'models:read'),
  'POST /api/v1/models/downloads/{id}/pause': may('super_admin', 'models:write'),
  'POST /api/v1/models/downloads/{id}/resume': may('super_admin', 'models:write'),
  'POST /api/v1/models/downloads/{id}/cancel': may('super_admin', 'models:write'),
  'GET /api/v1/idle': may('super_admin', 'machine:read'),
  'PUT /api/v1/idle': may('super_admin', 'machine:write'),
  'POST /api/v1/idle/keep-awake': may('super_admin', 'machine:write'),
  'GET /api/v1/costs': may('admin', 'machine:read'),
  'PUT /api/v1/costs/price': may('super_admin', 'machine:write'),
  'GET /api/v1/run-data': may('super_admin', 'machine:read'),
  'POST /api/v1/run-data/sweep': may('super_admin', 'machine:write'),
  'GET /api/v1/system/disk': may('super_admin', 'machine:read'),
  'GET /api/v1/system/disk/orgs': may('super_admin', 'machine:read'),
  'GET /api/v1/orgs/current/storage': may('admin', 'machine:read'),
  'PUT /api/v1/system/disk/retention': may('super_admin', 'machine:write'),
  'POST /api/v1/system/disk/clean': may('super_admin', 'machine:write'),
  // A backup holds every org.
  'GET /api/v1/backups': may('super_admin', 'machine:read'),
  'POST /api/v1/backups': may('super_admin', 'machine:write'),
  'PUT /api/v1/backups/settings': may('super_admin', 'machine:write'),
  'POST /api/v1/backups/prune': may('super_admin', 'machine:write'),
  'GET /api/v1/backups/{id}': may('super_admin', 'machine:read'),
  'DELETE /api/v1/backups/{id}': may('super_admin', 'machine:write'),
  'POST /api/v1/backups/{id}/verify': may('super_admin', 'machine:write'),
  'POST /api/v1/backups/{id}/cancel': may('super_admin', 'machine:write'),
  // A key that reads the machine's state must not carry everything away.
  'GET /api/v1/backups/{id}/archive': may('super_admin', null),

  'GET /api/v1/files': may('user', 'files:read'),
  'PUT /api/v1/files/{path+}': may('user', 'files:write'),
  'GET /api/v1/files/{path+}': may('user', 'files:read'),
  'DELETE /api/v1/files/{path+}': may('user', 'files:write'),
  'GET /api/v1/uploads': may('user', 'files:read'),
  'POST /api/v1/uploads': may('user', 'files:write'),
  'GET /api/v1/uploads/{id}': may('user', 'files:read'),
  'PATCH /api/v1/uploads/{id}': may('user', 'files:write'),
  'DELETE /api/v1/uploads/{id}': may('user', 'files:write'),
  'OPTIONS /api/v1/uploads': may('user', 'files:read'),
  'GET /api/v1/events': may('user', 'events:read'),
  'GET /api/v1/notifications': may('user', 'notifications:read'),
  'POST /api/v1/notifications/{id}/read': may('user', 'notifications:write'),
  'POST /api/v1/notifications/read-all': may('user', 'notifications:write'),
  // They show where messages go, and send some: targets are facts of the whole org.
  'GET /api/v1/notifications/deliveries': may('admin', 'notifications:read'),
  'POST /api/v1/notifications/deliveries/{id}/retry': may('admin', 'notifications:write'),
  'POST /api/v1/notifications/test': may('admin', 'notifications:write'),
  // The trigger itself says how a caller shows that it may (auth none only when chosen).
  'GET /api/v1/forms/{token}': open,
  'POST /api/v1/forms/{token}': open,
  'POST /webhooks/{token}': open,
  'GET /webhooks/{token}': open,

  // One scope for all of /v1: a key for a program that asks models.
  'GET /v1/models': may('user', 'models:run'),
  'GET /v1/models/{id+}': may('user', 'models:run'),
  'POST /v1/chat/completions': may('user', 'models:run'),
  'POST /v1/completions': may('user', 'models:run'),
  'POST /v1/embeddings': may('user', 'models:run'),
  'GET /api/v1/models/usage': may('user', 'models:read'),

  'GET /health': open,
  'GET /health/live': open,
  // Its answer tells nobody but the Studio that asked.
  'GET /api/v1/infrastructure/health': onMachine,
  'GET /api/v1/infrastructure/health/redis': onMachine,
  'GET /api/v1/infrastructure/health/workers': onMachine,
  'GET /api/v1/infrastructure/health/full': onMachine,
  'GET /api/v1/infrastructure/health/storage': onMachine,
  'GET /api/v1/infrastructure/health/database': onMachine,
  'GET /metrics': onMachine,
  'GET /api/v1/system/info': onMachine,
  // The page of who is not signed in shows it, too.
  'GET /api/v1/system/maintenance': open,
  'PUT /api/v1/system/maintenance': may('super_admin', 'machine:write'),
  'GET /api/v1/system/configuration': may('super_admin', 'machine:read'),
  'GET /api/v1/system/domains': may('super_admin', 'machine:read'),
  'POST /api/v1/system/domains/verify': may('super_admin', 'machine:write'),
  // Hosts and paths of the whole machine.
  'GET /api/v1/system/compliance': may('super_admin', 'machine:read'),
  'POST /api/v1/system/reload': may('super_admin', 'machine:write'),

  'GET /api/v1/openapi.json': { role: 'user', scope: 'users:read' },
  'GET /api/docs': may('user', null),
};

/** Why `caller` may not use a route of `rule`; undefined when it may. */
export function refusalOf(rule: Rule, caller: Caller): string | undefined {
  if ('access' in rule) return undefined;
  if (!hasRole(caller.role, rule.role)) return `this call needs the role ${rule.role}; yours is ${caller.role}`;
  if (caller.scopes === null || caller.scopes.includes('*')) return undefined;
  if (rule.scope === null) return 'this call is for a signed-in person, or an API key with the scope *';
  return caller.scopes.includes(rule.scope) ? undefined : `this call needs the API-key scope ${rule.scope}; this key has ${caller.scopes.join(', ')}`;
}

/** Whether `role` includes the rights of `needed`. */
export function hasRole(role: Role, needed: Role): boolean {
  return roles.indexOf(role) >= roles.indexOf(needed);
}
