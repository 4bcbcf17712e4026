-- What the machine and its devices did, a point a minute for a day, and devices that are held back.
-- up
create table system_samples (
  at timestamptz primary key,
  -- Share of the processors that may be used, 0 to 1; null: the first reading after a start.
  cpu_share double precision,
  memory_used_bytes bigint not null,
  memory_total_bytes bigint not null,
  disk_used_bytes bigint not null,
  disk_total_bytes bigint not null,
  received_bytes_per_s double precision,
  sent_bytes_per_s double precision
);

create table gpu_samples (
  at timestamptz not null,
  uuid text not null,
  gpu_index integer not null,
  name text not null,
  memory_total_bytes bigint not null,
  memory_used_bytes bigint not null,
  utilization_percent double precision,
  temperature_c double precision,
  power_w double precision,
  primary key (at, uuid)
);

-- Devices that take nobody new until a person says otherwise: drained by one, or broken.
create table gpu_marks (
  uuid text primary key,
  state text not null,
  reason text not null,
  -- Of a device that broke: it may work again after the next start of the machine. Null: a person's wish, which outlives it.
  boot_id text,
  marked_at timestamptz not null
);

grant select, insert, update, delete on system_samples, gpu_samples, gpu_marks to studio_engine;
alter table system_samples enable row level security;
alter table system_samples force row level security;
create policy engine on system_samples to studio_engine using (true) with check (true);
alter table gpu_samples enable row level security;
alter table gpu_samples force row level security;
create policy engine on gpu_samples to studio_engine using (true) with check (true);
alter table gpu_marks enable row level security;
alter table gpu_marks force row level security;
create policy engine on gpu_marks to studio_engine using (true) with check (true);

-- down
drop table gpu_marks;
drop table gpu_samples;
drop table system_samples;
