-- Who had the memory of devices, a point a minute for a day.
-- up
create table gpu_tenant_samples (
  at timestamptz not null,
  uuid text not null,
  -- The job's or model's id, a service's `service:<name>`.
  tenant_id text not null,
  kind text not null check (kind in ('job', 'model', 'service')),
  -- Null: the machine's own.
  org_id text,
  -- As people called it then.
  name text,
  granted_bytes bigint not null,
  used_bytes bigint not null,
  primary key (at, uuid, tenant_id)
);

grant select, insert, update, delete on gpu_tenant_samples to studio_engine;
alter table gpu_tenant_samples enable row level security;
alter table gpu_tenant_samples force row level security;
create policy engine on gpu_tenant_samples to studio_engine using (true) with check (true);

-- down
drop table gpu_tenant_samples;
