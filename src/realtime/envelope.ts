/** The envelope of an event, built at delivery and once for all who hear it. Pure. Source: CONTRACTS (Events). */
import type { Json } from '../contract/endpoint.ts';
import type { Envelope } from '../contract/events.ts';
import { formatCursor, type Cursor, type StoredEvent } from '../store/outbox.ts';

/** Where an event is heard: its own room, its parent's, its org's (or the machine's). What is said to one person, in that person's room alone. */
export function roomsOf(event: Pick<StoredEvent, 'kind' | 'id' | 'parent' | 'orgId'>): string[] {
  if (event.kind === 'notification') return event.parent === null ? [] : [event.parent];
  const own = event.kind === 'system' ? [] : [`${event.kind}:${event.id}`];
  return [...own, ...(event.parent === null ? [] : [event.parent]), event.orgId === null ? 'system' : `org:${event.orgId}`];
}

/** One event on its way to many: encoded at the first who needs it, never again. */
export class Broadcast {
  readonly cursor: Cursor;
  readonly rooms: readonly string[];
  readonly #event: StoredEvent;
  #text: string | undefined;
  #frame: Buffer | undefined;

  constructor(event: StoredEvent) {
    this.cursor = event.cursor;
    this.rooms = roomsOf(event);
    this.#event = event;
  }

  /** The envelope as JSON text. */
  get text(): string {
    return (this.#text ??= encode(this.#event, this.rooms));
  }

  /** The server frame `{type:"event", event}` as bytes. */
  get frame(): Buffer {
    return (this.#frame ??= Buffer.from(`{"type":"event","event":${this.text}}`));
  }

  /** About how many bytes it keeps in memory, text and frame. */
  get weight(): number {
    return 2 * (this.#event.payload.length + 600);
  }

  get cursorText(): string {
    return formatCursor(this.cursor);
  }

  envelope(): Envelope {
    return JSON.parse(this.text) as Envelope;
  }
}

function encode(event: StoredEvent, rooms: readonly string[]): string {
  const stream = `${event.kind}:${event.id}`;
  const head: Omit<Envelope, 'payload'> & { payload?: Record<string, Json> } = {
    contract_version: 'v1',
    event_id: `evt_${event.cursor.position}`,
    idempotency_key: `${stream}:${event.sequence}`,
    sequence: event.sequence,
    sequence_stream: stream,
    emitted_at: event.at.toISOString(),
    event_type: event.type,
    entity_kind: event.kind,
    entity_id: event.id,
    room_keys: [...rooms],
    runtime: 'studio',
    request_id: event.requestId,
    correlation_id: correlationOf(event),
    cursor: formatCursor(event.cursor),
  };
  // The payload is JSON text already: parsed for nobody.
  return `${JSON.stringify(head).slice(0, -1)},"payload":${event.payload}}`;
}

/** The instance that an event is about, across its steps and jobs. */
function correlationOf(event: StoredEvent): string | null {
  if (event.kind === 'instance') return event.id;
  return event.parent?.startsWith('instance:') === true ? event.parent.slice('instance:'.length) : null;
}
