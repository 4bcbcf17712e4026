/** Rows of what was used of models: one a day, model and caller, counted up. */
import type { UsageGroup, UsageRow } from '../contract/model-usage.ts';
import type { Sql } from './client.ts';

export interface UsageDelta {
  readonly orgId: string;
  /** `2026-01-31`, UTC. */
  readonly day: string;
  readonly model: string;
  readonly caller: string;
  readonly requests: number;
  readonly failed: number;
  readonly promptTokens: number;
  readonly completionTokens: number;
}

/** Counts up in one statement. Of an org that was deleted meanwhile nothing is kept. */
export async function addModelUsage(sql: Sql, deltas: readonly UsageDelta[]): Promise<void> {
  await sql.query(
    `insert into model_usage (org_id, day, model, caller, requests, failed, prompt_tokens, completion_tokens)
     select d.org_id, d.day, d.model, d.caller, d.requests, d.failed, d.prompt_tokens, d.completion_tokens
     from unnest($1::text[], $2::date[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[])
       as d (org_id, day, model, caller, requests, failed, prompt_tokens, completion_tokens)
     where exists (select 1 from orgs o where o.id = d.org_id)
     order by d.org_id, d.day, d.model, d.caller
     on conflict (org_id, day, model, caller) do update set
       requests = model_usage.requests + excluded.requests, failed = model_usage.failed + excluded.failed,
       prompt_tokens = model_usage.prompt_tokens + excluded.prompt_tokens, completion_tokens = model_usage.completion_tokens + excluded.completion_tokens`,
    [
      deltas.map(({ orgId }) => orgId),
      deltas.map(({ day }) => day),
      deltas.map(({ model }) => model),
      deltas.map(({ caller }) => caller),
      deltas.map(({ requests }) => requests),
      deltas.map(({ failed }) => failed),
      deltas.map(({ promptTokens }) => promptTokens),
      deltas.map(({ completionTokens }) => completionTokens),
    ],
  );
}

export interface UsageQuestion {
  readonly orgId: string;
  readonly group: readonly UsageGroup[];
  readonly since?: string | undefined;
  readonly until?: string | undefined;
  readonly model?: string | undefined;
  readonly caller?: string | undefined;
  readonly limit: number;
}

/** Sums of an org, newest days and largest sums first. */
export async function sumModelUsage(sql: Sql, question: UsageQuestion): Promise<UsageRow[]> {
  const { orgId, group, since, until, model, caller, limit } = question;
  const { rows } = await sql.query<{
    day: string | null;
    model: string | null;
    caller: string | null;
    caller_name: string | null;
    requests: number;
    failed: number;
    prompt_tokens: number;
    completion_tokens: number;
  }>(
    `with sums as (
       select case when $1 then day end as day, case when $2 then model end as model, case when $3 then caller end as caller,
         sum(requests)::bigint as requests, sum(failed)::bigint as failed, sum(prompt_tokens)::bigint as prompt_tokens, sum(completion_tokens)::bigint as completion_tokens
       from model_usage
       where org_id = $9 and ($4::date is null or day >= $4) and ($5::date is null or day <= $5) and ($6::text is null or model = $6) and ($7::text is null or caller = $7)
       group by 1, 2, 3
       order by 1 desc nulls last, sum(prompt_tokens + completion_tokens) desc, 2, 3
       limit $8)
     select to_char(s.day, 'YYYY-MM-DD') as day, s.model, s.caller, coalesce(k.name, u.name, w.name) as caller_name,
       s.requests, s.failed, s.prompt_tokens, s.completion_tokens
     from sums s
       left join api_keys k on k.id = s.caller
       left join users u on u.id = s.caller
       left join workflows w on w.id = s.caller
     order by s.day desc nulls last, s.prompt_tokens + s.completion_tokens desc, s.model, s.caller`,
    [group.includes('day'), group.includes('model'), group.includes('caller'), since ?? null, until ?? null, model ?? null, caller ?? null, limit, orgId],
  );
  return rows.map((row) => ({
    ...(row.day === null ? {} : { day: row.day }),
    ...(row.model === null ? {} : { model: row.model }),
    ...(row.caller === null ? {} : { caller: { kind: kindOf(row.caller), id: row.caller, name: row.caller_name } }),
    requests: row.requests,
    failed: row.failed,
    promptTokens: row.prompt_tokens,
    completionTokens: row.completion_tokens,
  }));
}

function kindOf(caller: string): 'key' | 'user' | 'workflow' {
  if (caller.startsWith('key_')) return 'key';
  return caller.startsWith('wf_') ? 'workflow' : 'user';
}
