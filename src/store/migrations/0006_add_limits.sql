-- How many instances of a workflow may run at once, or start in a while.
-- up
alter table instances
  -- What the workflow's limits count it under; null: no such limit.
  add column limit_key text,
  add column rate_key text;

-- Who was let in. A row counts against the limit until it is released, and against the rate while it is young.
create table admissions (
  instance_id text primary key,
  org_id text not null references orgs on delete cascade,
  workflow_id text not null references workflows on delete cascade,
  limit_key text,
  rate_key text,
  admitted_at timestamptz not null,
  released_at timestamptz
);
create index admissions_limit on admissions (workflow_id, limit_key, admitted_at) where released_at is null;
create index admissions_rate on admissions (workflow_id, rate_key, admitted_at) where rate_key is not null;

grant select, insert, update, delete on admissions to studio_engine;
alter table admissions enable row level security;
alter table admissions force row level security;
create policy engine on admissions to studio_engine using (true) with check (true);

-- down
drop table admissions;
alter table instances drop column rate_key, drop column limit_key;
