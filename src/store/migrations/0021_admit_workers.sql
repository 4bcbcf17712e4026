-- Workers of other processes show that they know the shared secret before they take jobs.
-- up
alter table workers
  -- Made from the secret and the worker's id; never the secret.
  add column proof text,
  add column joined_at timestamptz,
  -- Why it may not take jobs.
  add column refusal text;

-- down
alter table workers drop column proof, drop column joined_at, drop column refusal;
