/** What is wrong with the triggers of a definition, in words and with the place: what an editor shows and publishing refuses. Pure. */
import { eventTypes, type EventType } from '../contract/events.ts';
import type { Problem, Trigger } from '../contract/graph.ts';
import { cronParams, eventParams, fileParams, formParams, webhookParams, type CronParams, type WebhookParams } from '../contract/trigger-params.ts';
import { cronFault, nextFire } from './cron.ts';
import { compileExpression, ExpressionError } from './expression.ts';
import { globFault } from './glob.ts';
import { pathText } from './path-text.ts';

const SCHEMAS = { cron: cronParams, webhook: webhookParams, form: formParams, event: eventParams, file: fileParams } as const;
/** With catchUp "all", a window of this many times is the most. */
const MAX_CATCH_UPS = 10_000;

interface Fault {
  /** Within the params. */
  readonly at: string;
  readonly code: string;
  readonly message: string;
}

/** One problem per fault in the triggers of a definition. */
export function validateTriggers(triggers: readonly Trigger[], about: { readonly nowMs: number; readonly hasInputSchema: boolean }): Problem[] {
  const seen = new Set<string>();
  return triggers.flatMap((trigger, index) => {
    const path = `triggers[${index}]`;
    const twice = seen.has(trigger.key)
      ? [{ path: `${path}.key`, code: 'duplicate_trigger', message: `two triggers have the key "${trigger.key}"; keys are unique` }]
      : [];
    seen.add(trigger.key);
    return [...twice, ...paramProblems(trigger, `${path}.params`, about)];
  });
}

function paramProblems(trigger: Trigger, path: string, about: { readonly nowMs: number; readonly hasInputSchema: boolean }): Problem[] {
  const parsed = SCHEMAS[trigger.type].safeParse(trigger.params);
  if (!parsed.success) return parsed.error.issues.map((issue) => ({ path: pathText([path, ...issue.path]), code: 'invalid_trigger', message: issue.message }));
  return faultsOf(trigger, about).map(({ at, code, message }) => ({ path: `${path}.${at}`, code, message }));
}

/** Of params whose shape is right. */
function faultsOf(trigger: Trigger, { nowMs, hasInputSchema }: { readonly nowMs: number; readonly hasInputSchema: boolean }): Fault[] {
  switch (trigger.type) {
    case 'cron':
      return cronFaults(cronParams.parse(trigger.params), nowMs);
    case 'webhook':
      return webhookFaults(webhookParams.parse(trigger.params));
    case 'form':
      return formParams.parse(trigger.params).access === 'public' && !hasInputSchema
        ? [
            {
              at: 'access',
              code: 'form_without_schema',
              message: "a public form needs the workflow's inputSchema: it says which fields there are and what may be sent",
            },
          ]
        : [];
    case 'event':
      return eventFaults(trigger);
    case 'file': {
      const fault = globFault(fileParams.parse(trigger.params).pattern);
      return fault === undefined ? [] : [{ at: 'pattern', code: 'invalid_pattern', message: fault }];
    }
  }
}

function cronFaults(cron: CronParams, nowMs: number): Fault[] {
  const fault = cronFault(cron, nowMs);
  if (fault !== undefined) return [{ at: fault.field, code: fault.field === 'timezone' ? 'invalid_timezone' : 'invalid_cron', message: fault.message }];
  if (cron.catchUp !== 'all') return [];
  const until = nowMs + cron.catchUpWindowS * 1_000;
  let count = 0;
  for (let at = nextFire(cron, nowMs); at !== undefined && at <= until && count <= MAX_CATCH_UPS; at = nextFire(cron, at)) count++;
  if (count <= MAX_CATCH_UPS) return [];
  const message = `catchUp "all" could start more than ${MAX_CATCH_UPS} instances for ${cron.catchUpWindowS} s; make the window shorter, or choose "one"`;
  return [{ at: 'catchUpWindowS', code: 'too_many_catch_ups', message }];
}

function webhookFaults(params: WebhookParams): Fault[] {
  const { auth } = params;
  const faults: Fault[] = [];
  if (auth !== 'none' && (params.secret ?? '') === '') {
    const message = `auth "${auth}" needs the name of a secret; choose auth "none" only if anybody with the URL may start this`;
    faults.push({ at: 'secret', code: 'missing_secret', message });
  }
  if (auth === 'jwt' && params.jwt === undefined)
    faults.push({
      at: 'jwt',
      code: 'missing_jwt',
      message: 'auth "jwt" needs jwt: { "alg": "HS256" | "RS256" | "ES256" }: tokens of another algorithm are refused',
    });
  if (auth !== 'jwt' && params.jwt !== undefined)
    faults.push({ at: 'jwt', code: 'unused_jwt', message: `jwt has no effect with auth "${auth}"; choose auth "jwt"` });
  return faults;
}

function eventFaults(trigger: Trigger): Fault[] {
  const { types, filter } = eventParams.parse(trigger.params);
  const unknown = types.flatMap((type, index): Fault[] =>
    expandTypes([type]).length > 0
      ? []
      : [
          {
            at: `types[${index}]`,
            code: 'unknown_event_type',
            message: `there is no event "${type}"; there are ${eventTypes.slice(0, 4).join(', ')}, … (GET /api/v1/openapi.json lists all)`,
          },
        ],
  );
  const fault = filter === undefined ? undefined : filterFault(filter);
  return fault === undefined ? unknown : [...unknown, { at: 'filter', code: 'bad_expression', message: fault }];
}

function filterFault(filter: string): string | undefined {
  try {
    const { reads, hasSecrets } = compileExpression(filter);
    if (hasSecrets) return 'a filter can not read secrets';
    // Names inside brackets count as roots too: only one that never names the event is surely wrong.
    if (reads.roots === null || reads.roots.has('event')) return undefined;
    return `a filter reads event (event.event_type, event.payload, …), and nothing else; this one reads ${[...reads.roots].join(', ') || 'nothing'}`;
  } catch (error) {
    if (error instanceof ExpressionError) return error.message;
    throw error;
  }
}

/** The event types that patterns stand for. */
export function expandTypes(patterns: readonly string[]): EventType[] {
  return eventTypes.filter((type) => patterns.some((pattern) => (pattern.endsWith('*') ? type.startsWith(pattern.slice(0, -1)) : type === pattern)));
}
