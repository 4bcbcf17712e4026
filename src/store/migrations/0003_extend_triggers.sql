-- Triggers of every kind: forms, events and files beside schedules and webhooks; what became of each time; rates; what events are yet to start.
-- up
alter table triggers drop constraint triggers_type_check;
alter table triggers add constraint triggers_type_check check (type in ('cron', 'webhook', 'form', 'event', 'file'));
alter table triggers
  -- Of a schedule: the time of its calendar that comes next. next_fire_at, when it is looked at, adds the jitter or comes before it to look at what waits.
  add column due_at timestamptz,
  -- And by which wall clock that was worked out: far ahead of now, the clock was set back since.
  add column planned_at timestamptz,
  -- Times that wait for the instance before them (overlap "queue").
  add column queued_at timestamptz[] not null default '{}',
  add column last_instance_id text,
  -- What became of the last time: started, queued, skipped or refused, and why.
  add column last_result jsonb,
  -- The rate so far: each call moves it on by its share of the period, and none passes while it is a period ahead.
  add column rate_until timestamptz,
  -- Of events and files: what was committed before this transaction starts nothing.
  add column since_xid xid8;
update triggers set due_at = next_fire_at, planned_at = now() where type = 'cron' and next_fire_at is not null;
create index triggers_hearing on triggers (org_id) where enabled and type in ('event', 'file');

-- Events that a trigger heard and has not started its workflow for yet. Written with the reader's cursor, deleted when the instance stands.
create table trigger_fires (
  workflow_id text not null,
  trigger_key text not null,
  -- The event's place in the order.
  source text not null,
  org_id text not null references orgs on delete cascade,
  -- The envelope, JSON.
  event text not null,
  created_at timestamptz not null,
  primary key (workflow_id, trigger_key, source),
  foreign key (workflow_id, trigger_key) references triggers on delete cascade
);
create index trigger_fires_created_at on trigger_fires (created_at);
grant select, insert, update, delete on trigger_fires to studio_engine;
alter table trigger_fires enable row level security;
alter table trigger_fires force row level security;
create policy engine on trigger_fires to studio_engine using (true) with check (true);

-- down
drop table trigger_fires;
drop index triggers_hearing;
delete from triggers where type not in ('cron', 'webhook');
alter table triggers drop column since_xid, drop column rate_until, drop column last_result, drop column last_instance_id,
  drop column queued_at, drop column planned_at, drop column due_at;
alter table triggers drop constraint triggers_type_check;
alter table triggers add constraint triggers_type_check check (type in ('cron', 'webhook'));
