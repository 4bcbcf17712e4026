-- A worker that somebody shut out takes no more jobs, whatever it knows, until somebody lets it in again.
-- up
alter table workers
  add column shut_out_at timestamptz,
  -- Who did it, and what they wrote.
  add column shut_out_by text,
  add column shut_out_reason text;

-- down
alter table workers drop column shut_out_at, drop column shut_out_by, drop column shut_out_reason;
