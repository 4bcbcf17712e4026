-- What editing needs beside drafts: test runs, who has an editor open, tags, and views that people keep.
-- up
alter table instances
  -- A test run, or called by one: counts in no statistics, sets nothing off, tells nobody.
  add column is_test boolean not null default false;
-- Few among all instances: what a test definition still stands for is found by it.
create index instances_test on instances (workflow_id, version) where is_test;

-- What a test run runs. Numbered below zero, so that it never is a version of its workflow. Text, not jsonb: outputs stand in it, and jsonb takes no NUL.
create sequence test_definition_numbers as int;
create table test_definitions (
  version int primary key check (version < 0),
  workflow_id text not null references workflows on delete cascade,
  org_id text not null references orgs on delete cascade,
  definition text not null,
  run_by text references users on delete set null,
  created_at timestamptz not null
);
create index test_definitions_workflow_id on test_definitions (workflow_id);
create index test_definitions_created_at on test_definitions (created_at);

-- Open editors, each until it is closed or does not come back.
create table workflow_editors (
  workflow_id text not null references workflows on delete cascade,
  -- Made up by the page.
  editor_id text not null,
  org_id text not null references orgs on delete cascade,
  user_id text not null references users on delete cascade,
  has_pen boolean not null,
  opened_at timestamptz not null,
  expires_at timestamptz not null,
  primary key (workflow_id, editor_id)
);
create unique index workflow_editors_pen on workflow_editors (workflow_id) where has_pen;

alter table workflows
  add column tags text[] not null default '{}';

-- Filters that people keep, for themselves or for their org.
create table saved_views (
  id text primary key,
  org_id text not null references orgs on delete cascade,
  user_id text not null references users on delete cascade,
  page text not null check (page in ('instances', 'workflows', 'jobs')),
  name text not null,
  filter text not null,
  is_shared boolean not null,
  created_at timestamptz not null,
  updated_at timestamptz not null
);
create unique index saved_views_name on saved_views (org_id, user_id, page, lower(name));

grant usage on sequence test_definition_numbers to studio_engine;
grant select, insert, update, delete on test_definitions, workflow_editors, saved_views to studio_engine;
grant select on test_definitions, workflow_editors, saved_views to studio_api;

do $$
declare
  name text;
begin
  foreach name in array array['test_definitions', 'workflow_editors', 'saved_views'] loop
    execute format('alter table %I enable row level security', name);
    execute format('alter table %I force row level security', name);
    execute format('create policy engine on %I to studio_engine using (true) with check (true)', name);
    execute format('create policy org on %I to studio_api using (org_id = current_setting(''app.org'', true)) with check (org_id = current_setting(''app.org'', true))', name);
  end loop;
end
$$;

-- down
drop table saved_views, workflow_editors, test_definitions;
drop sequence test_definition_numbers;
alter table workflows drop column tags;
drop index instances_test;
alter table instances drop column is_test;
