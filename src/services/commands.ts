/** Definitions over the API: checked, written with their event and the audit trail in one transaction, then applied. A file's are edited in the file. */
import type { Json } from '../contract/endpoint.ts';
import type { ServiceDefinition } from '../contract/services.ts';
import type { Clock } from '../kernel/clock.ts';
import { fail } from '../kernel/fail.ts';
import { newId } from '../kernel/ids.ts';
import { insertAudit } from '../store/audit.ts';
import type { Database, Sql } from '../store/client.ts';
import { nextSequence, writeEvents } from '../store/outbox.ts';
import { deleteService, insertService, updateService } from '../store/services.ts';
import { cycleFrom, definitionFault } from './definition.ts';
import type { ServiceHost } from './services.ts';

/** Who changes a definition. */
export interface ServiceAuthor {
  readonly actor: string;
  readonly orgId: string;
  readonly address: string;
  readonly requestId: string;
}

export interface ServiceCommands {
  /** @throws AppError invalid_body, conflict when the name is taken */
  create(definition: ServiceDefinition, author: ServiceAuthor): Promise<void>;
  /** @throws AppError not_found, conflict when it is a file's or Studio's own */
  update(definition: ServiceDefinition, author: ServiceAuthor): Promise<void>;
  remove(name: string, author: ServiceAuthor): Promise<void>;
  setEnabled(name: string, isEnabled: boolean, author: ServiceAuthor): Promise<void>;
}

interface Parts {
  readonly database: Database;
  readonly clock: Clock;
  readonly host: ServiceHost;
}

export function createServiceCommands({ database, clock, host }: Parts): ServiceCommands {
  function check(definition: ServiceDefinition): void {
    const others = host.names().filter((name) => name !== definition.name);
    const fault = definitionFault(definition, others);
    if (fault !== undefined) fail('invalid_body', `${fault}.`);
    const afterOf = (name: string): readonly string[] => (name === definition.name ? definition.after : (host.definitionOf(name)?.after ?? []));
    const cycle = cycleFrom(definition.name, afterOf);
    if (cycle !== undefined) fail('invalid_body', `after: ${cycle.join(' waits for ')}, so that none of them could ever start.`);
  }

  /** The definition, when it is the API's to change. */
  function ofApi(name: string): ServiceDefinition {
    const service = host.read(name, 'super_admin');
    if (service.source === 'file') fail('conflict', `${name} is defined in ${service.file ?? 'a file'}; change it there. Files are read again within 10 s.`);
    return host.definitionOf(name) ?? fail('conflict', `${name} is Studio's own: its definition can't be changed.`);
  }

  async function commit(author: ServiceAuthor, action: string, name: string, work: (sql: Sql, now: Date) => Promise<boolean>): Promise<boolean> {
    const now = new Date(clock.now());
    const isDone = await database.engine.transaction(async (sql) => {
      if (!(await work(sql, now))) return false;
      await insertAudit(sql, { id: newId('aud', clock), orgId: author.orgId, at: now, actor: author.actor, action, target: name, address: author.address });
      const sequence = await nextSequence(sql, 'service', name);
      await writeEvents(sql, [
        {
          kind: 'service',
          id: name,
          sequence,
          type: 'supervise:service:changed',
          orgId: null,
          payload: { name, defined: action !== 'service.deleted' },
          requestId: author.requestId,
        },
      ]);
      return true;
    });
    if (isDone) {
      database.announce();
      await host.reload();
    }
    return isDone;
  }

  const write = (definition: ServiceDefinition, author: ServiceAuthor, action: string): Promise<boolean> =>
    commit(author, action, definition.name, (sql, now) => updateService(sql, { name: definition.name, definition: definition as Json, now }));

  return {
    async create(definition, author) {
      check(definition);
      const { name } = definition;
      const taken = (): never =>
        fail('conflict', `There is a service ${name} already; give this one another name, or change that one: PUT /api/v1/services/${name}.`);
      if (host.names().includes(name)) taken();
      const isNew = await commit(author, 'service.created', name, (sql, now) =>
        insertService(sql, { name, orgId: author.orgId, definition: definition as Json, by: author.actor, now }),
      );
      if (!isNew) taken();
    },
    async update(definition, author) {
      ofApi(definition.name);
      check(definition);
      await write(definition, author, 'service.changed');
    },
    async remove(name, author) {
      ofApi(name);
      const users = host.names().filter((other) => host.definitionOf(other)?.after.includes(name) === true);
      if (users.length > 0) fail('conflict', `${users.join(', ')} ${users.length === 1 ? 'waits' : 'wait'} for ${name}; take it out of their "after" first.`);
      await commit(author, 'service.deleted', name, (sql) => deleteService(sql, name));
    },
    async setEnabled(name, isEnabled, author) {
      const definition = ofApi(name);
      if (definition.enabled === isEnabled) return;
      await write({ ...definition, enabled: isEnabled }, author, isEnabled ? 'service.enabled' : 'service.disabled');
    },
  };
}
