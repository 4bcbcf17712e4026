-- Who holds memory of devices (jobs, models and services alike), what jobs needed before, and queues that find their own number of slots.
-- up
drop table gpu_leases;

-- A lease lives exactly as long as its tenant's processes: the row is deleted when they are proved gone.
create table gpu_leases (
  id text primary key,
  -- The workspace whose Studio gave it: its devices are meant.
  machine text not null,
  tenant_id text not null unique,
  kind text not null check (kind in ('job', 'model', 'service')),
  -- Null: the machine's own.
  org_id text,
  -- [{ uuid, index, bytes }]
  devices jsonb not null,
  is_whole boolean not null,
  cpu double precision not null,
  memory_bytes bigint not null,
  priority int not null,
  queued_at timestamptz not null,
  granted_at timestamptz not null,
  -- By when it ends at the latest; null: nobody knows.
  ends_by timestamptz,
  is_preemptible boolean not null,
  is_pinned boolean not null,
  -- Since when nobody uses it; null: it is used.
  idle_since timestamptz,
  -- Why it was told to end; null: it was not.
  leaving text,
  pid int,
  pid_started text,
  seq bigint not null default 1
);
create index gpu_leases_machine on gpu_leases (machine, id);

-- What earlier attempts of the same command really took, at their peak.
create table job_sizes (
  org_id text not null references orgs on delete cascade,
  -- Hash of command and labels.
  signature text not null,
  -- On one device; 0: none.
  vram_bytes bigint not null,
  memory_bytes bigint not null,
  attempts int not null,
  updated_at timestamptz not null,
  primary key (org_id, signature)
);

alter table queues
  -- Studio finds the number of slots by itself.
  add column adaptive boolean not null default false,
  -- What a job gets that does not say how many devices it needs.
  add column default_gpus int not null default 0 check (default_gpus >= 0);
-- Devices are given by the ledger now: slots only bound how many share them.
update queues set default_gpus = 1 where name = 'gpu';
update queues set slots = 32 where name = 'gpu' and slots = 1;

alter table jobs
  add column needs_grant boolean not null generated always as (
    coalesce((resources ->> 'gpus')::numeric, 0) > 0 or coalesce((resources ->> 'vramBytes')::numeric, 0) > 0
    or coalesce((resources ->> 'cpu')::numeric, 0) > 0 or coalesce((resources ->> 'memoryBytes')::numeric, 0) > 0
  ) stored,
  -- Since when it counts as waiting; put back in line, a job keeps what it had waited before. Null: since it was made.
  add column line_at timestamptz,
  -- Attempts that were ended for something more important: they count for nothing.
  add column preemptions int not null default 0,
  add column signature text;
create index jobs_line on jobs (priority desc, id) where status = 'queued' and needs_grant;

grant select, insert, update, delete on gpu_leases, job_sizes to studio_engine;
grant select on job_sizes to studio_api;
alter table gpu_leases enable row level security;
alter table gpu_leases force row level security;
create policy engine on gpu_leases to studio_engine using (true) with check (true);
alter table job_sizes enable row level security;
alter table job_sizes force row level security;
create policy engine on job_sizes to studio_engine using (true) with check (true);
create policy org on job_sizes to studio_api using (org_id = current_setting('app.org', true)) with check (org_id = current_setting('app.org', true));

-- down
drop index jobs_line;
alter table jobs drop column signature, drop column preemptions, drop column line_at, drop column needs_grant;
update queues set slots = 1 where name = 'gpu' and slots = 32;
alter table queues drop column default_gpus, drop column adaptive;
drop table job_sizes;
drop table gpu_leases;
create table gpu_leases (
  id text primary key,
  gpu_index int not null,
  vram_bytes bigint not null check (vram_bytes > 0),
  holder text not null,
  granted_at timestamptz not null default now()
);
