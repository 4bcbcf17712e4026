-- A label that few instances have is found by its index. Row-level security keeps studio_api from using one by `@>` itself: this function reads the periods
-- for it, and of the org of the session alone.
-- up
-- Ids below `below` of those that have all of `wanted`, in no order. Null: more than `at_most` rows have it.
create function labelled_instances(wanted jsonb, below text, at_most int) returns text[] language plpgsql stable security definer
  set search_path = public, pg_temp set enable_seqscan = off as $$
declare
  part record;
  found text[];
  all_found text[] := '{}';
  looked int;
  all_looked int := 0;
begin
  for part in select p.instances_oid::regclass as name from run_partitions p where p.lower is null or p.lower < below loop
    -- The limit counts rows of other orgs, too: it bounds what is read.
    execute format('select array_agg(id) filter (where org_id = current_setting(''app.org'', true) and id < $2), count(*)
      from (select id, org_id from %s where labels @> $1 limit $3) hit', part.name)
      into found, looked using wanted, below, at_most + 1 - all_looked;
    all_looked := all_looked + looked;
    if all_looked > at_most then return null; end if;
    all_found := all_found || found;
  end loop;
  return all_found;
end
$$;
revoke execute on function labelled_instances(jsonb, text, int) from public;
grant execute on function labelled_instances(jsonb, text, int) to studio_api;

-- down
drop function labelled_instances(jsonb, text, int);
