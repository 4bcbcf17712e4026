-- Bodies (map, loop), child instances, waits that others end, and what the policies of nodes need.
-- up
alter table instances
  add column parent_id text,
  add column parent_path text,
  add column parent_generation int,
  -- Calls above this one: 0 for an instance that nobody called.
  add column depth int not null default 0,
  -- Every step waits for a person's word before it starts.
  add column debug boolean not null default false,
  -- The user who started it, by hand or with a key.
  add column starter text;
create index instances_parent_id on instances (parent_id) where parent_id is not null;

alter table steps
  -- What the step said of its progress last, JSON: the next attempt receives it.
  add column details text;
-- The callbacks that are awaited. Partial: steps that end at once, the hot path, don't pay for it.
create index steps_callback on steps ((wait ->> 'token')) where status = 'waiting' and wait ->> 'token' is not null;

-- What a command came to, for who asked from another process.
alter table commands add column effect text;

-- The items of a large map, so that memory holds a few of them only. Written before its step runs.
create table step_items (
  instance_id text not null,
  path text not null,
  generation int not null,
  chunk int not null,
  org_id text not null,
  -- JSON array.
  items text not null,
  primary key (instance_id, path, generation, chunk)
);

-- Results that may be used again, by what they were made from.
create table step_cache (
  org_id text not null references orgs on delete cascade,
  -- sha256 of type, version and evaluated params, or of the policy's key.
  key bytea not null,
  output text not null,
  port text,
  instance_id text not null,
  step_path text not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  primary key (org_id, key)
);
create index step_cache_expires_at on step_cache (expires_at);

-- Inline steps that were in flight when their process died without a word, and how often.
create table step_crashes (
  instance_id text not null,
  path text not null,
  generation int not null,
  org_id text not null,
  crashes int not null,
  last_at timestamptz not null default now(),
  primary key (instance_id, path, generation)
);

do $$
declare
  name text;
begin
  foreach name in array array['step_items', 'step_cache', 'step_crashes'] loop
    execute format('grant select, insert, update, delete on %I to studio_engine', name);
    execute format('alter table %I enable row level security', name);
    execute format('alter table %I force row level security', name);
    execute format('create policy engine on %I to studio_engine using (true) with check (true)', name);
  end loop;
end
$$;

-- down
drop table step_crashes, step_cache, step_items;
drop index steps_callback;
alter table commands drop column effect;
alter table steps drop column details;
drop index instances_parent_id;
alter table instances drop column starter, drop column debug, drop column depth, drop column parent_generation, drop column parent_path, drop column parent_id;
