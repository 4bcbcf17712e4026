-- Lists by what is rare are read from indexes of their own; partial ones, so that an instance that goes well is in none of them for long.
-- up
create index instances_open on instances (org_id, id) where status in ('pending', 'running', 'waiting', 'paused');
create index instances_failed on instances (org_id, id) where status in ('failed', 'cancelled');
create index instances_tests on instances (org_id, id) where is_test;
create index instances_rerun_of on instances (rerun_of, id) where rerun_of is not null;

-- down
drop index instances_open, instances_failed, instances_tests, instances_rerun_of;
