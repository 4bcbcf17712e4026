-- Studio's own alerts, and more of what the machine did each minute. Of the machine: no org reads them under its own role.
-- up
create table alerts (
  id text primary key,
  rule text not null,
  -- What of it: a queue, a device; '' where the rule has one subject.
  subject text not null,
  severity text not null check (severity in ('warning', 'critical')),
  title text not null,
  body text not null,
  -- Since when it was so, before it was long enough to be told.
  began_at timestamptz not null,
  fired_at timestamptz not null,
  resolved_at timestamptz
);
create unique index alerts_open on alerts (rule, subject) where resolved_at is null;
create index alerts_ended on alerts (resolved_at) where resolved_at is not null;

grant select, insert, update, delete on alerts to studio_engine;
alter table alerts enable row level security;
alter table alerts force row level security;
create policy engine on alerts to studio_engine using (true) with check (true);

alter table system_samples
  add column loop_delay_ms double precision,
  add column database_connections integer,
  add column queued_jobs integer,
  add column running_jobs integer,
  add column steps_per_s double precision,
  add column requests_per_s double precision,
  add column process_bytes bigint;

-- down
alter table system_samples
  drop column loop_delay_ms,
  drop column database_connections,
  drop column queued_jobs,
  drop column running_jobs,
  drop column steps_per_s,
  drop column requests_per_s,
  drop column process_bytes;
drop table alerts;
