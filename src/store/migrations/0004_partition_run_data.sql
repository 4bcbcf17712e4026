-- Run data in partitions by time. An id of an instance begins with its time, so that ranges of ids are ranges of time: instances and all that hangs on
-- them one to one (steps, attempts, log lines, items) share their bounds, and an old period goes as files, not as rows. Every id has a place: `before`
-- takes what is older than the oldest period, `after` what is newer than the newest. No default partition: with one, lists could not stop early.
-- Foreign keys to instances would hold up every drop: store/instances.ts and store/run-data.ts delete what hangs on an instance.
-- up
alter table step_attempts drop constraint step_attempts_instance_id_fkey;
alter table step_logs drop constraint step_logs_instance_id_fkey;
alter table commands drop constraint commands_instance_id_fkey;
alter table jobs drop constraint jobs_instance_id_fkey;
alter table artifacts drop constraint artifacts_instance_id_fkey;

-- Tables of run data, and the column by which each is cut.
create function run_tables() returns table (name text, id text) language sql immutable set search_path = pg_catalog as $$
  values ('instances', 'id'), ('steps', 'instance_id'), ('step_attempts', 'instance_id'), ('step_logs', 'instance_id'), ('step_items', 'instance_id')
$$;

do $$
declare
  part record;
  made record;
begin
  for part in select name from run_tables() loop
    -- studio_owner is under the policies too, and would see no row.
    execute format('alter table %I no force row level security', part.name);
    execute format('alter table %I disable row level security', part.name);
    execute format('drop policy engine on %I', part.name);
    execute format('drop policy if exists org on %I', part.name);
    execute format('revoke all on %I from studio_engine, studio_api', part.name);
    for made in select conname as name from pg_constraint where conrelid = part.name::regclass and contype in ('p', 'f') loop
      execute format('alter table %I drop constraint %I', part.name, made.name);
    end loop;
    for made in select indexrelid::regclass as name from pg_index where indrelid = part.name::regclass loop
      execute format('drop index %s', made.name);
    end loop;
  end loop;
end
$$;
alter table step_logs alter column id drop identity;

-- Bytes in order, whatever the database's own collation; the same wherever an instance is named, so that joins use the indexes.
alter table instances alter column id type text collate "C", alter column parent_id type text collate "C", alter column rerun_of type text collate "C";
alter table steps alter column instance_id type text collate "C";
alter table step_attempts alter column instance_id type text collate "C";
alter table step_logs alter column instance_id type text collate "C";
alter table step_items alter column instance_id type text collate "C";
alter table step_crashes alter column instance_id type text collate "C";
alter table commands alter column instance_id type text collate "C";
alter table jobs alter column instance_id type text collate "C";
alter table artifacts alter column instance_id type text collate "C";
create index commands_instance_id on commands (instance_id);

-- The lowest id that an instance made at this time can have.
create function run_id(at timestamptz) returns text language plpgsql immutable strict set search_path = pg_catalog as $$
declare
  ms bigint := greatest(floor(extract(epoch from at) * 1000), 0);
  digits text := '';
begin
  for place in 1..10 loop
    digits := substr('0123456789abcdefghjkmnpqrstvwxyz', (ms % 32)::int + 1, 1) || digits;
    ms := ms / 32;
  end loop;
  return 'inst_' || digits;
end
$$;

-- The time in an id; null where there is none.
create function run_time(id text) returns timestamptz language plpgsql immutable strict set search_path = pg_catalog as $$
declare
  ms bigint := 0;
begin
  if id !~ '^inst_[0-9a-hjkmnp-tv-z]{10}' then return null; end if;
  for place in 6..15 loop
    ms := ms * 32 + strpos('0123456789abcdefghjkmnpqrstvwxyz', substr(id, place, 1)) - 1;
  end loop;
  return to_timestamp(ms / 1000.0);
end
$$;

do $$
declare
  part record;
  lower_id text;
  upper_id text;
  suffix text;
begin
  -- The present rows become one period: from the week of the oldest (today, when there is none) to the end of this week.
  select run_id(date_bin('7 days', coalesce(run_time(coalesce(min(id), run_id(now()))), 'epoch'), '2024-01-01Z')) into lower_id from instances;
  upper_id := run_id(date_bin('7 days', now(), '2024-01-01Z') + interval '7 days');
  if lower_id collate "C" >= upper_id then lower_id := run_id(date_bin('7 days', now(), '2024-01-01Z')); end if;
  suffix := '_' || to_char(run_time(lower_id) at time zone 'UTC', 'YYYYMMDD');
  for part in select name, id from run_tables() loop
    execute format('alter table %I rename to %I', part.name, part.name || suffix);
    execute format('create table %I (like %I including defaults including constraints) partition by range (%I)', part.name, part.name || suffix, part.id);
    execute format('create table %I partition of %I for values from (minvalue) to (%L)', part.name || '_before', part.name, lower_id);
    execute format('create table %I partition of %I for values from (%L) to (maxvalue)', part.name || '_after', part.name, upper_id);
    execute format('with odd as (delete from %I where %I < %L or %I >= %L returning *) insert into %I select * from odd',
      part.name || suffix, part.id, lower_id, part.id, upper_id, part.name);
    execute format('alter table %I attach partition %I for values from (%L) to (%L)', part.name, part.name || suffix, lower_id, upper_id);
  end loop;
end
$$;

alter table instances add primary key (id);
create index instances_org_id on instances (org_id, id);
create index instances_workflow_id on instances (workflow_id, id);
create index instances_live on instances (owner_epoch, id) where status in ('pending', 'running', 'waiting', 'paused');
create index instances_labels on instances using gin (labels jsonb_path_ops);
create index instances_parent_id on instances (parent_id) where parent_id is not null;
alter table steps add primary key (instance_id, path, generation);
create index steps_callback on steps ((wait ->> 'token')) where status = 'waiting' and wait ->> 'token' is not null;
alter table step_attempts add primary key (instance_id, path, generation, attempt);
-- A sequence, not an identity: partitions can't have one before PostgreSQL 17.
create sequence step_logs_id as bigint;
grant usage on sequence step_logs_id to studio_engine;
alter table step_logs alter column id set default nextval('step_logs_id');
select setval('step_logs_id', coalesce(max(id), 0) + 1, false) from step_logs;
alter table step_logs add primary key (instance_id, path, id);
alter table step_items add primary key (instance_id, path, generation, chunk);

-- Rights and the second wall, as before: on what is asked. The partitions themselves are nobody's but the owner's.
do $$
declare
  part record;
begin
  for part in select name from run_tables() loop
    execute format('grant select, insert, update, delete on %I to studio_engine', part.name);
    execute format('alter table %I enable row level security', part.name);
    execute format('alter table %I force row level security', part.name);
    execute format('create policy engine on %I to studio_engine using (true) with check (true)', part.name);
    if part.name <> 'step_items' then
      execute format('grant select on %I to studio_api', part.name);
      execute format('create policy org on %I to studio_api using (org_id = current_setting(''app.org'', true)) with check (org_id = current_setting(''app.org'', true))', part.name);
    end if;
  end loop;
end
$$;

-- The periods, and what each takes on disk. `before` has no lower bound, `after` no upper one.
create view run_partitions as
  select p.name, p.lower, p.upper, run_time(p.lower) as starts_at, run_time(p.upper) as ends_at,
    (select sum(pg_total_relation_size(to_regclass('public.' || t.name || '_' || p.name)))::bigint from run_tables() t) as bytes,
    p.relid as instances_oid
  from (
    select substr(c.relname, length('instances_') + 1) as name, c.oid as relid,
      substring(pg_get_expr(c.relpartbound, c.oid) from 'FROM \(''([^'']+)''\)') as lower,
      substring(pg_get_expr(c.relpartbound, c.oid) from 'TO \(''([^'']+)''\)') as upper
    from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = 'public.instances'::regclass
  ) p;
grant select on run_partitions to studio_engine;

-- studio_engine may not make or drop tables; these two do it for it. A lock that is not there at once is given up (55P03), and the caller tries again:
-- whoever waits for a table stops everybody behind it.

-- Cuts the next period off `after`. Null: periods reach two ahead of `at` already.
create function add_run_partition(days int, at timestamptz) returns text language plpgsql security definer
  set search_path = public, pg_temp set lock_timeout = '100ms' as $$
declare
  part record;
  lower_id text;
  starts timestamptz;
  upper_id text;
  made text;
begin
  if days is null or days not between 1 and 366 or at is null then raise exception 'a period has 1 to 366 days, not %', days using errcode = '22023'; end if;
  select p.lower, p.starts_at into lower_id, starts from run_partitions p where p.name = 'after';
  if starts > at + make_interval(days => 2 * days) then return null; end if;
  lock table only instances, only steps, only step_attempts, only step_logs, only step_items in access exclusive mode;
  select p.lower, p.starts_at into lower_id, starts from run_partitions p where p.name = 'after';
  if starts > at + make_interval(days => 2 * days) then return null; end if;
  -- A machine that was off for long gets one period for all that time.
  upper_id := run_id(date_bin(make_interval(days => days), greatest(starts, at), '2024-01-01Z') + make_interval(days => days));
  made := to_char(starts at time zone 'UTC', 'YYYYMMDD');
  for part in select name, id from run_tables() loop
    execute format('alter table %I detach partition %I', part.name, part.name || '_after');
    execute format('create table %I partition of %I for values from (%L) to (%L)', part.name || '_' || made, part.name, lower_id, upper_id);
    execute format('with moved as (delete from %I where %I < %L returning *) insert into %I select * from moved',
      part.name || '_after', part.id, upper_id, part.name || '_' || made);
    execute format('alter table %I attach partition %I for values from (%L) to (maxvalue)', part.name, part.name || '_after', upper_id);
  end loop;
  return made;
end
$$;

-- Gives the disk of a period that has ended back with the commit: the oldest goes as tables, and `before` grows over it; one that stands behind an older
-- one is emptied, and goes when its turn comes. Null: that was done before. Refuses a period of which an instance is live (55006).
create function drop_run_partition(period text, at timestamptz) returns bigint language plpgsql security definer
  set search_path = public, pg_temp set lock_timeout = '100ms' as $$
declare
  part record;
  old record;
  is_oldest boolean;
  is_empty boolean;
  is_held boolean;
begin
  select p.bytes, p.lower, p.upper, p.ends_at into old from run_partitions p where p.name = period and period ~ '^[0-9]{8}$';
  if not found or old.ends_at > at then raise exception 'there is no period % that has ended', period using errcode = '22023'; end if;
  select p.upper = old.lower into is_oldest from run_partitions p where p.name = 'before';
  execute format('select not exists (select 1 from %I)', 'instances_' || period) into is_empty;
  if is_empty and not is_oldest then return null; end if;
  lock table only instances, only steps, only step_attempts, only step_logs, only step_items in access exclusive mode;
  execute format('select exists (select 1 from %I where status in (''pending'', ''running'', ''waiting'', ''paused''))', 'instances_' || period) into is_held;
  if is_held then raise exception 'period % holds live instances', period using errcode = '55006'; end if;
  for part in select name from run_tables() loop
    if is_oldest then
      execute format('alter table %I detach partition %I', part.name, part.name || '_' || period);
      execute format('drop table %I', part.name || '_' || period);
      execute format('alter table %I detach partition %I', part.name, part.name || '_before');
      execute format('alter table %I attach partition %I for values from (minvalue) to (%L)', part.name, part.name || '_before', old.upper);
    else
      execute format('truncate table only %I', part.name || '_' || period);
    end if;
  end loop;
  return old.bytes;
end
$$;

revoke execute on function run_id(timestamptz), run_time(text), run_tables(), add_run_partition(int, timestamptz), drop_run_partition(text, timestamptz) from public;
grant execute on function run_id(timestamptz), run_time(text), run_tables(), add_run_partition(int, timestamptz), drop_run_partition(text, timestamptz) to studio_engine;

-- down
drop function drop_run_partition(text, timestamptz), add_run_partition(int, timestamptz);
drop view run_partitions;

do $$
declare
  part record;
begin
  for part in select name from run_tables() loop
    execute format('alter table %I no force row level security', part.name);
    execute format('alter table %I disable row level security', part.name);
    execute format('alter table %I rename to %I', part.name, part.name || '_parts');
    execute format('create table %I (like %I including defaults including constraints)', part.name, part.name || '_parts');
    execute format('insert into %I select * from %I', part.name, part.name || '_parts');
  end loop;
end
$$;
alter table step_logs alter column id drop default;
drop table instances_parts, steps_parts, step_attempts_parts, step_logs_parts, step_items_parts;
drop sequence step_logs_id;

alter table instances alter column id type text collate "default", alter column parent_id type text collate "default",
  alter column rerun_of type text collate "default";
alter table steps alter column instance_id type text collate "default";
alter table step_attempts alter column instance_id type text collate "default";
alter table step_logs alter column instance_id type text collate "default";
alter table step_items alter column instance_id type text collate "default";
alter table step_crashes alter column instance_id type text collate "default";
alter table commands alter column instance_id type text collate "default";
alter table jobs alter column instance_id type text collate "default";
alter table artifacts alter column instance_id type text collate "default";
drop index commands_instance_id;

-- The owner checks the keys, and is under the policies of what they point at.
alter table orgs no force row level security;
alter table workflows no force row level security;
alter table workflow_versions no force row level security;
alter table instances add primary key (id), add foreign key (org_id) references orgs on delete cascade, add foreign key (workflow_id) references workflows,
  add foreign key (workflow_id, version) references workflow_versions (workflow_id, version);
alter table orgs force row level security;
alter table workflows force row level security;
alter table workflow_versions force row level security;
create index instances_org_id on instances (org_id, id);
create index instances_workflow_id on instances (workflow_id, id);
create index instances_live on instances (owner_epoch, id) where status in ('pending', 'running', 'waiting', 'paused');
create index instances_labels on instances using gin (labels jsonb_path_ops);
create index instances_parent_id on instances (parent_id) where parent_id is not null;
alter table steps add primary key (instance_id, path, generation);
create index steps_callback on steps ((wait ->> 'token')) where status = 'waiting' and wait ->> 'token' is not null;
alter table step_attempts add primary key (instance_id, path, generation, attempt), add foreign key (instance_id) references instances on delete cascade;
alter table step_logs alter column id add generated always as identity, add primary key (id), add foreign key (instance_id) references instances on delete cascade;
select setval(pg_get_serial_sequence('step_logs', 'id'), coalesce(max(id), 0) + 1, false) from step_logs;
create index step_logs_step on step_logs (instance_id, path, id);
alter table step_items add primary key (instance_id, path, generation, chunk);
alter table commands add foreign key (instance_id) references instances on delete cascade;
alter table jobs add foreign key (instance_id) references instances on delete cascade;
alter table artifacts add foreign key (instance_id) references instances on delete cascade;

do $$
declare
  part record;
begin
  for part in select name from run_tables() loop
    execute format('grant select, insert, update, delete on %I to studio_engine', part.name);
    execute format('alter table %I enable row level security', part.name);
    execute format('alter table %I force row level security', part.name);
    execute format('create policy engine on %I to studio_engine using (true) with check (true)', part.name);
    if part.name <> 'step_items' then
      execute format('grant select on %I to studio_api', part.name);
      execute format('create policy org on %I to studio_api using (org_id = current_setting(''app.org'', true)) with check (org_id = current_setting(''app.org'', true))', part.name);
    end if;
  end loop;
end
$$;
drop function run_tables(), run_time(text), run_id(timestamptz);
