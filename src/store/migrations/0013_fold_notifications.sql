-- Ends of instances that come in bursts are told together.
-- up
alter table notifications
  -- What is told together: the workflow, how its instances ended, and to whom. Null: it stands alone.
  add column fold text,
  add column count int not null default 1,
  -- The first few of them.
  add column shown jsonb;
create index notifications_fold on notifications (fold, created_at) where fold is not null;

alter table notification_deliveries
  add column fold text,
  add column count int not null default 1,
  add column shown jsonb,
  -- When it was or is to be sent first; the next of its kind comes some minutes later.
  add column due_at timestamptz;
create index notification_deliveries_fold on notification_deliveries (fold, due_at) where fold is not null;

-- down
drop index notification_deliveries_fold, notifications_fold;
alter table notification_deliveries drop column fold, drop column count, drop column shown, drop column due_at;
alter table notifications drop column fold, drop column count, drop column shown;
