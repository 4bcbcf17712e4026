-- The core schema. Runs as studio_owner. studio_engine works across orgs; studio_api sees only app.org (forced row-level security).
-- up
create table orgs (
  id text primary key,
  name text not null,
  created_at timestamptz not null default now()
);

create table users (
  id text primary key,
  email text not null,
  name text not null,
  password_hash text not null,
  is_super_admin boolean not null default false,
  password_change_required boolean not null default false,
  disabled_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create unique index users_email_key on users (lower(email));

create table members (
  org_id text not null references orgs on delete cascade,
  user_id text not null references users on delete cascade,
  role text not null check (role in ('user', 'admin')),
  created_at timestamptz not null default now(),
  primary key (org_id, user_id)
);
create index members_user_id on members (user_id);

-- A session is what an access token points at; it counts only while its row lives.
create table sessions (
  id text primary key,
  org_id text not null references orgs on delete cascade,
  user_id text not null references users on delete cascade,
  client text not null check (client in ('web', 'api')),
  refresh_hash bytea not null,
  user_agent text not null default '',
  address text not null default '',
  created_at timestamptz not null default now(),
  last_seen_at timestamptz not null default now(),
  expires_at timestamptz not null
);
create unique index sessions_refresh_hash on sessions (refresh_hash);
create index sessions_user_id on sessions (user_id);

-- Refresh tokens that were exchanged: one of them coming back ends its session.
create table used_refresh_tokens (
  token_hash bytea primary key,
  session_id text not null references sessions on delete cascade,
  used_at timestamptz not null default now()
);
create index used_refresh_tokens_session_id on used_refresh_tokens (session_id);

create table api_keys (
  id text primary key,
  org_id text not null references orgs on delete cascade,
  user_id text not null references users on delete cascade,
  name text not null,
  key_hash bytea not null unique,
  key_prefix text not null,
  scopes text[] not null,
  expires_at timestamptz,
  last_used_at timestamptz,
  created_at timestamptz not null default now()
);
create index api_keys_org_id on api_keys (org_id, id);

-- Failed logins, by account and by address (kind); rows older than the window are deleted.
create table login_attempts (
  kind text not null check (kind in ('account', 'address')),
  subject text not null,
  at timestamptz not null default now()
);
create index login_attempts_subject on login_attempts (kind, subject, at);

create table claims (
  token_hash bytea primary key,
  created_at timestamptz not null default now()
);

create table secrets (
  org_id text not null references orgs on delete cascade,
  name text not null,
  ciphertext bytea not null,
  key_id text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (org_id, name)
);

-- org_id null: of the machine.
create table settings (
  org_id text references orgs on delete cascade,
  key text not null,
  value jsonb not null,
  updated_at timestamptz not null default now(),
  unique nulls not distinct (org_id, key)
);

create table audit (
  id text primary key,
  org_id text references orgs on delete cascade,
  at timestamptz not null default now(),
  actor text not null,
  action text not null,
  target text not null default '',
  address text not null default '',
  details jsonb not null default '{}'
);
create index audit_org_id on audit (org_id, id);

create table idempotency_keys (
  org_id text not null references orgs on delete cascade,
  caller text not null,
  route text not null,
  key text not null,
  request_hash bytea not null,
  -- From which the ids of what the request makes derive: every try makes the same ones.
  seed text not null,
  -- Counts tries; only the newest may end the row.
  attempt int not null default 1,
  -- Which process works on it.
  holder text not null,
  started_at timestamptz not null default now(),
  status int,
  -- Headers and body, encrypted: a reply may hold what nobody should read in a dump.
  response bytea,
  created_at timestamptz not null default now(),
  primary key (org_id, caller, route, key)
);
create index idempotency_keys_created_at on idempotency_keys (created_at);

-- One row a running Studio process; `epoch` fences its writes.
create table owners (
  id text primary key,
  epoch bigint generated always as identity unique,
  -- Machine, boot and pid namespace: pids of the same host can be judged, others only by their beat.
  host text not null,
  pid int not null,
  pid_started text not null,
  started_at timestamptz not null default now(),
  beat_at timestamptz not null default now()
);

create table workflows (
  id text primary key,
  org_id text not null references orgs on delete cascade,
  name text not null,
  description text not null default '',
  version int not null,
  -- Raised by every publish: the ETag. Saving a draft leaves it.
  revision int not null default 1,
  draft jsonb,
  draft_saved_at timestamptz,
  draft_revision int not null default 0,
  seq bigint not null default 0,
  archived_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index workflows_org_id on workflows (org_id, id);

create table workflow_versions (
  workflow_id text not null references workflows on delete cascade,
  version int not null,
  org_id text not null references orgs on delete cascade,
  definition jsonb not null,
  structural_hash text not null,
  node_count int not null,
  published_by text references users on delete set null,
  created_at timestamptz not null default now(),
  primary key (workflow_id, version)
);

create table triggers (
  workflow_id text not null references workflows on delete cascade,
  key text not null,
  org_id text not null references orgs on delete cascade,
  type text not null check (type in ('cron', 'webhook')),
  params jsonb not null,
  enabled boolean not null,
  -- What the definition said last: publishing changes `enabled` only when this changes, so a trigger switched off stays off.
  declared_enabled boolean not null,
  -- Of a webhook: the unguessable last part of its URL.
  token text unique,
  next_fire_at timestamptz,
  last_fired_at timestamptz,
  last_error text,
  primary key (workflow_id, key)
);
create index triggers_due on triggers (next_fire_at) where enabled and next_fire_at is not null;

-- Deliveries a webhook took: a copy of one finds its instance here. Kept three days, longer than senders try again.
create table webhook_deliveries (
  workflow_id text not null,
  trigger_key text not null,
  delivery_hash bytea not null,
  org_id text not null references orgs on delete cascade,
  instance_id text not null,
  -- Set when the instance stands: from then on a copy starts nothing, also when the instance was deleted.
  started_at timestamptz,
  created_at timestamptz not null default now(),
  primary key (workflow_id, trigger_key, delivery_hash),
  foreign key (workflow_id, trigger_key) references triggers on delete cascade
);
create index webhook_deliveries_created_at on webhook_deliveries (created_at);

create table instances (
  id text primary key,
  org_id text not null references orgs on delete cascade,
  workflow_id text not null references workflows,
  version int not null,
  status text not null check (status in ('pending', 'running', 'waiting', 'paused', 'completed', 'failed', 'cancelled')),
  -- JSON kept as text: the engine never asks PostgreSQL to look inside.
  input text not null,
  output text,
  error jsonb,
  waiting jsonb,
  labels jsonb not null default '{}',
  priority int not null,
  started_by text not null,
  rerun_of text,
  -- On whose behalf its nodes run: the user who published the version.
  principal text,
  owner_epoch bigint,
  seq bigint not null,
  created_at timestamptz not null default now(),
  started_at timestamptz,
  ended_at timestamptz,
  foreign key (workflow_id, version) references workflow_versions (workflow_id, version)
);
create index instances_org_id on instances (org_id, id);
create index instances_workflow_id on instances (workflow_id, id);
create index instances_live on instances (owner_epoch, id) where status in ('pending', 'running', 'waiting', 'paused');
create index instances_labels on instances using gin (labels jsonb_path_ops);

-- One row a (path, generation). Inline steps are inserted once, ended; steps that queue, wait or retry are updated.
-- No foreign key: its check would double the cost of the hottest insert; the owner's fence guards it, and deleting an instance deletes them.
create table steps (
  instance_id text not null,
  path text not null,
  generation int not null,
  org_id text not null,
  status text not null check (status in ('pending', 'queued', 'running', 'waiting', 'completed', 'failed', 'skipped', 'cancelled', 'timed_out', 'cached')),
  attempt int not null,
  port text,
  input text,
  output text,
  error jsonb,
  reason text,
  wait jsonb,
  job_id text,
  worker_id text,
  seq bigint not null,
  queued_at timestamptz,
  started_at timestamptz,
  ended_at timestamptz,
  primary key (instance_id, path, generation)
);

-- Attempts that did not stand: what a retry or a rerun replaced.
create table step_attempts (
  instance_id text not null references instances on delete cascade,
  path text not null,
  generation int not null,
  attempt int not null,
  org_id text not null,
  status text not null,
  output text,
  error jsonb,
  job_id text,
  started_at timestamptz,
  ended_at timestamptz,
  primary key (instance_id, path, generation, attempt)
);

create table step_logs (
  id bigint generated always as identity primary key,
  instance_id text not null references instances on delete cascade,
  path text not null,
  generation int not null,
  attempt int not null,
  org_id text not null,
  at timestamptz not null default now(),
  line text not null
);
create index step_logs_step on step_logs (instance_id, path, id);

-- What a process that does not own an instance asks its owner to do.
create table commands (
  id text primary key,
  org_id text not null,
  instance_id text not null references instances on delete cascade,
  kind text not null,
  payload jsonb not null,
  created_at timestamptz not null default now(),
  done_at timestamptz,
  error jsonb
);
create index commands_open on commands (instance_id, id) where done_at is null;

create table queues (
  name text primary key,
  state text not null check (state in ('running', 'paused', 'draining')),
  slots int not null check (slots >= 0),
  max_pending int not null check (max_pending > 0),
  default_timeout_ms bigint not null,
  seq bigint not null default 0
);
insert into queues (name, state, slots, max_pending, default_timeout_ms) values
  ('studio', 'running', 4, 100000, 3600000),
  ('gpu', 'running', 1, 100000, 86400000);

-- Grants of device memory, for as long as their holder lives. Written by the ledger.
create table gpu_leases (
  id text primary key,
  gpu_index int not null,
  vram_bytes bigint not null check (vram_bytes > 0),
  holder text not null,
  granted_at timestamptz not null default now()
);

create table workers (
  id text primary key,
  built_in boolean not null,
  host text not null,
  pid int not null,
  queues text[] not null,
  slots int not null,
  started_at timestamptz not null default now(),
  beat_at timestamptz not null default now()
);

create table jobs (
  id text primary key,
  org_id text not null references orgs on delete cascade,
  queue text not null references queues,
  type text not null,
  status text not null check (status in ('queued', 'running', 'completed', 'failed', 'cancelled', 'dead')),
  -- Of a direct job: its command. A step's job holds null: its params are evaluated, secrets included, where it runs.
  spec jsonb,
  instance_id text references instances on delete cascade,
  step_path text,
  step_generation int,
  step_attempt int,
  priority int not null,
  labels jsonb not null default '{}',
  resources jsonb not null default '{}',
  retry jsonb not null default '{}',
  timeout_ms bigint,
  attempts int not null default 0,
  orphaned_attempts int not null default 0,
  not_before timestamptz,
  worker_id text,
  lease_expires_at timestamptz,
  -- Identity of the running process: pid and start time (clock ticks since boot), of its shim.
  pid int,
  pid_started text,
  cancel_requested_at timestamptz,
  exit_code int,
  signal text,
  reason text,
  error jsonb,
  result text,
  progress real,
  metrics jsonb,
  wait jsonb,
  seq bigint not null default 0,
  principal text,
  created_at timestamptz not null default now(),
  started_at timestamptz,
  ended_at timestamptz
);
create index jobs_org_id on jobs (org_id, id);
create index jobs_claim on jobs (queue, priority desc, id) where status = 'queued';
create index jobs_running on jobs (worker_id) where status = 'running';
create index jobs_queue_running on jobs (queue) where status = 'running';
create unique index jobs_step on jobs (instance_id, step_path, step_generation, step_attempt) where instance_id is not null;

-- Bytes by content; files and artifacts point here. On disk: files/<org>/<first two of sha256>/<sha256>.
create table files (
  id text primary key,
  org_id text not null references orgs on delete cascade,
  path text not null,
  bytes bigint not null,
  sha256 text not null,
  media_type text not null,
  seq bigint not null default 0,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (org_id, path)
);
create index files_content on files (org_id, sha256);
create index files_newest on files (org_id, id);

create table artifacts (
  id text primary key,
  org_id text not null references orgs on delete cascade,
  name text not null,
  bytes bigint not null,
  sha256 text not null,
  media_type text not null,
  job_id text references jobs on delete cascade,
  instance_id text references instances on delete cascade,
  step_path text,
  created_at timestamptz not null default now()
);
create index artifacts_job_id on artifacts (job_id, id);
create index artifacts_instance_id on artifacts (instance_id, id);
create index artifacts_content on artifacts (org_id, sha256);

create table uploads (
  id text primary key,
  org_id text not null references orgs on delete cascade,
  user_id text not null,
  path text not null,
  media_type text not null,
  length bigint not null,
  received bigint not null default 0,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null
);

-- Sequences of streams whose entity has no row of its own to count in.
create table streams (
  kind text not null,
  id text not null,
  seq bigint not null,
  primary key (kind, id)
);

-- Written in the transaction of the change. Read by (xid, position) below pg_snapshot_xmin; the envelope is built at delivery.
create table outbox (
  position bigint generated always as identity primary key,
  xid xid8 not null default pg_current_xact_id(),
  at timestamptz not null default now(),
  kind text not null,
  id text not null,
  sequence bigint not null,
  type text not null,
  org_id text,
  -- A second room that hears it: `workflow:<id>` of an instance, `instance:<id>` of a job.
  parent text,
  payload text not null default '{}',
  request_id text
);
create index outbox_order on outbox (xid, position);
create index outbox_stream on outbox (kind, id, sequence);
-- For the replay of `instance:<id>`, which hears its jobs too. Partial: step events, the hot path, don't pay for it.
create index outbox_job_parent on outbox (parent) where kind = 'job';

-- Where the outbox begins: retention deletes a prefix of it, and a cursor below this can't be replayed.
create table outbox_floor (
  is_only boolean primary key default true check (is_only),
  xid xid8 not null,
  position bigint not null
);
insert into outbox_floor (xid, position) values ('0', 0);

-- Rights and the second wall.
grant usage on schema public to studio_engine, studio_api;
grant select, insert, update, delete on all tables in schema public to studio_engine;
grant select on workflows, workflow_versions, triggers, instances, steps, step_attempts, step_logs, commands, jobs, files, artifacts, uploads,
  outbox, api_keys, secrets, settings, audit, members, idempotency_keys, orgs to studio_api;
grant insert, update, delete on idempotency_keys to studio_api;
grant select on queues, workers to studio_api;
grant execute on all functions in schema public to studio_engine, studio_api;

do $$
declare
  name text;
begin
  foreach name in array array['workflows', 'workflow_versions', 'triggers', 'webhook_deliveries', 'instances', 'steps', 'step_attempts', 'step_logs', 'commands', 'jobs',
    'files', 'artifacts', 'uploads', 'outbox', 'api_keys', 'secrets', 'settings', 'audit', 'members', 'idempotency_keys', 'sessions'] loop
    execute format('alter table %I enable row level security', name);
    execute format('alter table %I force row level security', name);
    execute format('create policy engine on %I to studio_engine using (true) with check (true)', name);
    execute format('create policy org on %I to studio_api using (org_id = current_setting(''app.org'', true)) with check (org_id = current_setting(''app.org'', true))', name);
  end loop;
  alter table orgs enable row level security;
  alter table orgs force row level security;
  create policy engine on orgs to studio_engine using (true) with check (true);
  create policy org on orgs to studio_api using (id = current_setting('app.org', true));
end
$$;

-- down
drop table outbox_floor, outbox, streams, uploads, artifacts, files, jobs, workers, gpu_leases, queues, commands, step_logs, step_attempts, steps, instances, webhook_deliveries, triggers,
  workflow_versions, workflows, owners, idempotency_keys, audit, settings, secrets, claims, login_attempts, api_keys, used_refresh_tokens, sessions, members, users, orgs;
