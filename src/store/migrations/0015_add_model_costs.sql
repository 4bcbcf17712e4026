-- Limits of models hold over restarts and over several processes; what models and services held of the machine is known when they are gone.
-- up
create table model_limits_used (
  -- An API key, or an organisation.
  subject text primary key,
  -- Of a minute's allowance, at `at`; it goes down with time.
  requests double precision not null,
  tokens double precision not null,
  at timestamptz not null,
  -- From then on nothing is used any more, and the row may go.
  free_at timestamptz not null
);

create table model_limits_running (
  subject text not null,
  process text not null,
  count int not null,
  -- A process that died takes back what it counted some time after this.
  seen_at timestamptz not null,
  primary key (subject, process)
);

-- A lease of a model or a service, kept after it was given back.
create table machine_uses (
  lease_id text primary key,
  kind text not null check (kind in ('model', 'service')),
  tenant_id text not null,
  name text not null,
  -- Null: the machine's.
  org_id text,
  -- Devices, whole or in part.
  gpus double precision not null,
  -- Of the cores or the memory of the machine, whichever is more.
  part double precision not null,
  granted_at timestamptz not null,
  seen_at timestamptz not null,
  -- Of that time, how long somebody used it.
  busy_ms double precision not null
);
create index machine_uses_seen on machine_uses (seen_at);

grant select, insert, update, delete on model_limits_used, model_limits_running, machine_uses to studio_engine;
alter table model_limits_used enable row level security;
alter table model_limits_used force row level security;
create policy engine on model_limits_used to studio_engine using (true) with check (true);
alter table model_limits_running enable row level security;
alter table model_limits_running force row level security;
create policy engine on model_limits_running to studio_engine using (true) with check (true);
alter table machine_uses enable row level security;
alter table machine_uses force row level security;
create policy engine on machine_uses to studio_engine using (true) with check (true);

-- down
drop table machine_uses, model_limits_running, model_limits_used;
