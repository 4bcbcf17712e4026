-- Notifications: what people are told in Studio, what is sent to webhooks and by e-mail, and who reads the outbox durably.
-- up

-- How far each durable reader of the outbox has come. Moved in the transaction of what it makes of the events: nothing lost, nothing twice.
create table outbox_readers (
  name text primary key,
  xid xid8 not null,
  position bigint not null
);

-- The inbox of a person in an org.
create table notifications (
  id text primary key,
  org_id text not null references orgs on delete cascade,
  user_id text not null references users on delete cascade,
  -- What made it: the same event never tells the same person twice.
  source text not null unique,
  kind text not null,
  title text not null,
  body text not null,
  workflow_id text,
  instance_id text,
  step_path text,
  read_at timestamptz,
  created_at timestamptz not null
);
create index notifications_inbox on notifications (org_id, user_id, id);
create index notifications_unread on notifications (org_id, user_id) where read_at is null;
create index notifications_created_at on notifications (created_at);

-- One message to one webhook or one address.
create table notification_deliveries (
  -- Sent along as `webhook-id` and `idempotency-key`: the same for every attempt.
  id text primary key,
  org_id text not null references orgs on delete cascade,
  source text not null unique,
  channel text not null check (channel in ('webhook', 'email')),
  -- A URL or an address; null when the URL is a secret.
  target text,
  -- Names of secrets: that holds the URL, that signs. Their values are read when it is sent.
  url_secret text,
  sign_secret text,
  kind text not null,
  title text not null,
  -- What is sent: JSON for a webhook, plain text for e-mail.
  body text not null,
  workflow_id text,
  instance_id text,
  step_path text,
  status text not null check (status in ('queued', 'sent', 'failed', 'dead')),
  attempts int not null default 0,
  -- When it is tried next; while an attempt runs, when it counts as lost.
  next_at timestamptz,
  last_error text,
  created_at timestamptz not null,
  ended_at timestamptz
);
create index notification_deliveries_org on notification_deliveries (org_id, id);
create index notification_deliveries_due on notification_deliveries (next_at) where next_at is not null;
create index notification_deliveries_ended_at on notification_deliveries (ended_at) where ended_at is not null;

grant select, insert, update, delete on outbox_readers, notifications, notification_deliveries to studio_engine;
grant select on notifications, notification_deliveries to studio_api;

do $$
declare
  name text;
begin
  foreach name in array array['notifications', 'notification_deliveries'] loop
    execute format('alter table %I enable row level security', name);
    execute format('alter table %I force row level security', name);
    execute format('create policy engine on %I to studio_engine using (true) with check (true)', name);
    execute format('create policy org on %I to studio_api using (org_id = current_setting(''app.org'', true)) with check (org_id = current_setting(''app.org'', true))', name);
  end loop;
end
$$;

-- down
drop table notification_deliveries, notifications, outbox_readers;
