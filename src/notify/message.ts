/** What is said: the words of a message, as a title, as JSON for a webhook and as text for e-mail. Pure.
 *  Errors and names come from users and their programs: control characters never leave here. */
import type { Json } from '../contract/endpoint.ts';
import type { NotifyRule } from '../contract/notifications.ts';
import type { NotificationKind } from '../contract/values.ts';
import type { About, Fold } from '../store/notifications.ts';
import type { StoredEvent } from '../store/outbox.ts';

export interface Message extends About {
  readonly kind: NotificationKind;
  readonly title: string;
  readonly body: string;
  /** An end of an instance: people are told of those that come in bursts together. */
  readonly end?: { readonly kind: EndKind; readonly workflowName: string; readonly text: string };
  /** Facts for programs. */
  readonly data: Readonly<Record<string, Json>>;
}

type RuleKind = NotifyRule['on'][number];
export type EndKind = Exclude<RuleKind, 'waiting_approval'>;

/** Events that may be told of; of `engine:step:waiting` only those that wait for a person. */
export const told = ['engine:instance:failed', 'engine:instance:completed', 'engine:instance:cancelled', 'engine:step:waiting'] as const;

const MAX_TITLE_CHARS = 200;
const MAX_BODY_CHARS = 4_000;

/** @returns undefined when nobody is told of such an event */
export function kindOf(event: Pick<StoredEvent, 'type' | 'payload'>): RuleKind | undefined {
  switch (event.type) {
    case 'engine:instance:failed':
      return 'failed';
    case 'engine:instance:completed':
      return 'completed';
    case 'engine:instance:cancelled':
      return 'cancelled';
    case 'engine:step:waiting':
      return factsOf(event).waitReason?.kind === 'approval' ? 'waiting_approval' : undefined;
    default:
      return undefined;
  }
}

/** What the payloads of those events hold, as far as it is told. */
interface Facts {
  readonly path?: string;
  readonly error?: { readonly code: string; readonly message: string; readonly step?: string } | null;
  readonly waitReason?: { readonly kind: string; readonly message: string } | null;
}

function factsOf(event: Pick<StoredEvent, 'payload'>): Facts {
  return JSON.parse(event.payload) as Facts;
}

const verbs: Readonly<Record<RuleKind, string>> = {
  failed: 'failed',
  completed: 'completed',
  cancelled: 'was cancelled',
  waiting_approval: 'waits for approval',
};

export function messageOfEvent(event: StoredEvent, kind: RuleKind, workflow: { readonly id: string; readonly name: string }): Message {
  const { path, error, waitReason } = factsOf(event);
  const step = path ?? error?.step ?? null;
  const line = [step, error?.message].filter((part) => part != null && part !== '').join(': ');
  return {
    kind,
    ...(kind === 'waiting_approval' ? {} : { end: { kind, workflowName: workflow.name, text: titleOf(line) } }),
    title: titleOf(`${workflow.name} ${verbs[kind]}`),
    body: bodyOf(
      [step === null ? '' : `Step: ${step}`, error?.message ?? '', kind === 'waiting_approval' ? (waitReason?.message ?? '') : '']
        .filter((line) => line !== '')
        .join('\n'),
    ),
    workflowId: workflow.id,
    instanceId: event.id,
    stepPath: step,
    data: { workflowName: workflow.name, ...(error === null || error === undefined ? {} : { error: { code: error.code, message: bodyOf(error.message) } }) },
  };
}

/** The same of several ends at once. */
export function messageOfEnds(message: Message, ends: Pick<Fold, 'count' | 'shown'>): Message {
  const { end } = message;
  if (end === undefined || ends.count === 1) return message;
  const lines = ends.shown.map((one) => [one.instanceId, one.text].filter((part) => part !== '').join(': '));
  const rest = ends.count - ends.shown.length;
  return {
    ...message,
    title: titleOf(`${end.workflowName} ${verbs[end.kind]} ${ends.count} times`),
    body: bodyOf([...lines, ...(rest > 0 ? [`and ${rest} more`] : [])].join('\n')),
    instanceId: null,
    stepPath: null,
  };
}

/** One line. */
export function titleOf(text: string): string {
  return visible(text).replaceAll(/\s+/g, ' ').trim().slice(0, MAX_TITLE_CHARS).toWellFormed();
}

/** Lines. */
export function bodyOf(text: string): string {
  return visible(text.replaceAll('\r\n', '\n')).slice(0, MAX_BODY_CHARS).toWellFormed();
}

/** Without control characters (line feeds and tabs excepted) and marks that turn the direction of reading. */
function visible(text: string): string {
  return text.replaceAll(/[^\P{Cc}\n\t]|[\u202a-\u202e\u2066-\u2069]/gu, ' ');
}

/** The address of what the message is about; without a known origin a path. */
function linkOf(about: Pick<Message, keyof About | 'end'>, origin: string | null): string | null {
  if (about.instanceId !== null) return `${origin ?? ''}/instances/${about.instanceId}`;
  if (about.workflowId !== null && about.end !== undefined)
    return `${origin ?? ''}/instances?filter=${encodeURIComponent(`workflow:${about.workflowId} status:${about.end.kind}`)}`;
  return about.workflowId === null ? null : `${origin ?? ''}/workflows/${about.workflowId}`;
}

/** The body of a webhook: `{ type, timestamp, text, data }`; `text` is what chat systems show. */
export function webhookBody(message: Message, at: { readonly now: Date; readonly origin: string | null }): string {
  const link = linkOf(message, at.origin);
  return JSON.stringify({
    type: `notify.${message.kind}`,
    timestamp: at.now.toISOString(),
    text: [message.title, message.body, link ?? ''].filter((line) => line !== '').join('\n'),
    data: {
      title: message.title,
      body: message.body,
      workflowId: message.workflowId,
      instanceId: message.instanceId,
      stepPath: message.stepPath,
      link,
      ...message.data,
    },
  });
}

/** The text of an e-mail; its subject is the title. */
export function mailBody(message: Message, origin: string | null): string {
  return [message.body, linkOf(message, origin) ?? '', '-- \nSent by Studio, as the notification rules of the workflow or its organisation say.']
    .filter((part) => part !== '')
    .join('\n\n');
}
