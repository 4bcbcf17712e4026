-- The gateway to models: what a key may use of them, and what was used.
-- up
alter table api_keys
  -- contract/model-limits.ts; null: none of its own.
  add column model_limits jsonb;

create table model_usage (
  org_id text not null references orgs on delete cascade,
  day date not null,
  model text not null,
  -- Id of the API key, person or workflow that asked. Outlives them.
  caller text not null,
  requests bigint not null,
  failed bigint not null,
  prompt_tokens bigint not null,
  completion_tokens bigint not null,
  primary key (org_id, day, model, caller)
);

grant select, insert, update, delete on model_usage to studio_engine;
grant select on model_usage to studio_api;
alter table model_usage enable row level security;
alter table model_usage force row level security;
create policy engine on model_usage to studio_engine using (true) with check (true);
create policy org on model_usage to studio_api using (org_id = current_setting('app.org', true));

-- down
drop table model_usage;
alter table api_keys drop column model_limits;
