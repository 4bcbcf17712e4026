-- Services that people define, how they ended, what the machine costs, and what is set for the machine as a whole. Of no org but for who defined it.
-- up
create table services (
  name text primary key,
  -- Whose secrets its environment may name: the org of who defined it.
  org_id text not null references orgs on delete cascade,
  definition jsonb not null,
  created_by text not null,
  created_at timestamptz not null,
  updated_at timestamptz not null
);

-- Also of Studio's own services and of those that a file defines.
create table service_exits (
  id text primary key,
  service text not null,
  at timestamptz not null,
  code int,
  signal text,
  uptime_ms bigint not null,
  last_lines text[] not null
);
create index service_exits_service on service_exits (service, id);

-- When this machine ran, at which price: one row a start of Studio and a price.
create table machine_runs (
  id text primary key,
  started_at timestamptz not null,
  -- Moved each minute: where it ends, the run ended.
  seen_at timestamptz not null,
  per_hour double precision check (per_hour >= 0),
  currency text not null,
  gpus int not null,
  slots int not null
);
create index machine_runs_seen_at on machine_runs (seen_at);

create table machine_settings (
  key text primary key,
  value jsonb not null,
  updated_at timestamptz not null
);

grant select, insert, update, delete on services, service_exits, machine_runs, machine_settings to studio_engine;

do $$
declare
  name text;
begin
  foreach name in array array['services', 'service_exits', 'machine_runs', 'machine_settings'] loop
    execute format('alter table %I enable row level security', name);
    execute format('alter table %I force row level security', name);
    execute format('create policy engine on %I to studio_engine using (true) with check (true)', name);
  end loop;
end
$$;

-- down
drop table machine_settings, machine_runs, service_exits, services;
