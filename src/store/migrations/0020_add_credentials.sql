-- Credentials: an account at a provider, with its tokens, bound to the hosts they may be sent to.
-- up
create table credentials (
  id text primary key,
  org_id text not null references orgs on delete cascade,
  name text not null,
  -- A key of the registry (src/credentials); one that it does not know is shown and can't be used.
  type text not null,
  -- Where it may be sent; empty: nowhere.
  hosts text[] not null,
  -- Fields that are no secrets.
  plain jsonb not null,
  -- Those that are: names alone, and their values sealed for this row.
  secret_fields text[] not null,
  sealed bytea not null,
  key_id text not null,
  access text not null check (access in ('everyone', 'admins', 'people')),
  people text[] not null default '{}',
  expires_at timestamptz,
  created_by text references users on delete set null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  last_used_at timestamptz,
  tested_at timestamptz,
  test_ok boolean,
  test_message text
);
create unique index credentials_name on credentials (org_id, lower(name));
create index credentials_created_by on credentials (created_by);

-- studio_api gets nothing: who asks is answered by identity's connection, without what is sealed.
grant select, insert, update, delete on credentials to studio_engine;
alter table credentials enable row level security;
alter table credentials force row level security;
create policy engine on credentials to studio_engine using (true) with check (true);

-- down
drop table credentials;
