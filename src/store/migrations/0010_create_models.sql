-- Models and their downloads.
-- up
create table models (
  id text primary key,
  -- Whose it is; null: of the machine, for every org.
  org_id text references orgs on delete cascade,
  -- The org of who made it: its secrets are those that the model may use.
  home_org_id text references orgs on delete set null,
  name text not null,
  engine text not null check (engine in ('llama', 'service', 'remote')),
  status text not null check (status in ('downloading', 'ready', 'broken')),
  fault text,
  format text check (format in ('gguf', 'safetensors', 'other')),
  architecture text,
  quantisation text,
  parameters bigint,
  context_length bigint,
  bytes bigint not null default 0,
  source jsonb not null,
  -- [{ name, bytes, sha256, place }]: `place` is the path below the models folder.
  files jsonb not null default '[]',
  -- What an estimate needs of the file's header.
  shape jsonb,
  settings jsonb not null default '{}',
  pinned boolean not null default false,
  ttl_s int,
  seq bigint not null default 0,
  created_at timestamptz not null,
  updated_at timestamptz not null
);
-- A name is one model for those who may use it: an org's own stands before the machine's.
create unique index models_name on models (coalesce(org_id, ''), name);

create table downloads (
  id text primary key,
  org_id text references orgs on delete cascade,
  -- Whose token is sent.
  home_org_id text references orgs on delete set null,
  -- Null: the model was deleted; the download stays in the history for a while.
  model_id text references models on delete set null,
  name text not null,
  status text not null check (status in ('queued', 'running', 'paused', 'completed', 'failed', 'cancelled')),
  source jsonb not null,
  -- With its query, which may be a key: never shown.
  url text,
  -- [{ name, path, bytes, sha256, gitSha1, etag, done: [[from, to], …], state, place }]
  files jsonb not null,
  bytes_done bigint not null default 0,
  bytes_total bigint,
  rate bigint,
  error jsonb,
  seq bigint not null default 0,
  created_at timestamptz not null,
  started_at timestamptz,
  ended_at timestamptz
);
create index downloads_model on downloads (model_id);
create index downloads_open on downloads (id) where status in ('queued', 'running');

insert into queues (name, state, slots, max_pending, default_timeout_ms) values ('downloads.huggingface', 'running', 2, 1000, 86400000)
on conflict (name) do nothing;

grant select, insert, update, delete on models, downloads to studio_engine;
grant select on models, downloads to studio_api;

do $$
declare
  name text;
begin
  foreach name in array array['models', 'downloads'] loop
    execute format('alter table %I enable row level security', name);
    execute format('alter table %I force row level security', name);
    execute format('create policy engine on %I to studio_engine using (true) with check (true)', name);
    execute format('create policy org on %I to studio_api using (org_id is null or org_id = current_setting(''app.org'', true))', name);
  end loop;
end
$$;

-- down
drop table downloads, models;
delete from queues where name = 'downloads.huggingface' and not exists (select 1 from jobs where queue = 'downloads.huggingface');
