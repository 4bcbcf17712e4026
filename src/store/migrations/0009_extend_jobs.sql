-- Jobs submitted together, jobs that wait for others, and what jobs say of their metrics over time.
-- up
alter table jobs
  add column name text,
  -- Jobs of one submission share it. `group_values`: their own values of its matrix.
  add column group_id text,
  add column group_index int,
  add column group_size int,
  add column group_values jsonb,
  -- How many jobs it still waits for: 0 may run.
  add column blocked_by int not null default 0 check (blocked_by >= 0),
  add column preemptible boolean not null default false;
create index jobs_group on jobs (group_id, group_index) where group_id is not null;

-- Which jobs a job waits for. Only jobs that are there already can be named, so no circle can come about.
create table job_dependencies (
  job_id text not null references jobs on delete cascade,
  depends_on text not null references jobs on delete cascade,
  org_id text not null references orgs on delete cascade,
  condition text not null check (condition in ('afterok', 'afterany')),
  primary key (job_id, depends_on)
);
create index job_dependencies_depends_on on job_dependencies (depends_on);

-- Points of metrics. `n` counts what the job said of this metric, kept or not: how far it is thinned follows from it alone.
create table job_metrics (
  job_id text not null references jobs on delete cascade,
  org_id text not null references orgs on delete cascade,
  name text not null,
  n bigint not null,
  at timestamptz not null,
  step double precision,
  value double precision not null,
  primary key (job_id, name, n)
);

grant select, insert, update, delete on job_dependencies, job_metrics to studio_engine;
grant select on job_dependencies, job_metrics to studio_api;
alter table job_dependencies enable row level security;
alter table job_dependencies force row level security;
alter table job_metrics enable row level security;
alter table job_metrics force row level security;
create policy engine on job_dependencies to studio_engine using (true) with check (true);
create policy engine on job_metrics to studio_engine using (true) with check (true);
create policy org on job_dependencies to studio_api using (org_id = current_setting('app.org', true)) with check (org_id = current_setting('app.org', true));
create policy org on job_metrics to studio_api using (org_id = current_setting('app.org', true)) with check (org_id = current_setting('app.org', true));

-- down
drop table job_metrics, job_dependencies;
drop index jobs_group;
alter table jobs drop column preemptible, drop column blocked_by, drop column group_values, drop column group_size, drop column group_index, drop column group_id,
  drop column name;
