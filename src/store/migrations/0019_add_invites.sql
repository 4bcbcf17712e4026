-- Who is asked to join an org, and memberships that are shut for a while or for good. Access is of a membership: an org's administrator shuts nobody out of another org.
-- up
alter table members
  add column status text not null default 'active' check (status in ('active', 'suspended', 'deactivated')),
  add column status_reason text not null default '';

alter table members no force row level security;
update members m set status = 'deactivated' from users u where u.id = m.user_id and u.disabled_at is not null;
alter table members force row level security;
alter table users drop column disabled_at;

-- A pending invitation: accepting or revoking it deletes the row.
create table invites (
  id text primary key,
  org_id text not null references orgs on delete cascade,
  email text not null,
  role text not null check (role in ('user', 'admin', 'super_admin')),
  -- Of the newest link; the link itself is nowhere.
  token_hash bytea not null unique,
  -- Whose right to give the role is looked at again when somebody accepts.
  invited_by text not null references users on delete cascade,
  created_at timestamptz not null,
  sent_at timestamptz not null,
  expires_at timestamptz not null
);
create unique index invites_email on invites (org_id, lower(email));
create index invites_invited_by on invites (invited_by);

grant select, insert, update, delete on invites to studio_engine;
grant select on invites to studio_api;
alter table invites enable row level security;
alter table invites force row level security;
create policy engine on invites to studio_engine using (true) with check (true);
create policy org on invites to studio_api using (org_id = current_setting('app.org', true)) with check (org_id = current_setting('app.org', true));

-- down
drop table invites;
alter table users add column disabled_at timestamptz;
alter table members no force row level security;
update users u set disabled_at = now() where exists (select 1 from members m where m.user_id = u.id) and not exists (select 1 from members m where m.user_id = u.id and m.status = 'active');
alter table members force row level security;
alter table members drop column status, drop column status_reason;
