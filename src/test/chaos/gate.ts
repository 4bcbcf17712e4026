/** A database behind a gate: while it is shut nothing is sent and no answer is seen, as in a process that is stopped. What PostgreSQL was
 *  asked before goes on, and locks that are held stay held. */
import type { Database, Sql, SqlPool } from '../../store/client.ts';

export interface Gate {
  readonly database: Database;
  readonly isShut: boolean;
  shut(): void;
  open(): void;
}

export function gateOf(database: Database): Gate {
  let opened: Promise<void> | undefined;
  let open = (): void => {};
  const guarded = async <T>(work: () => Promise<T>): Promise<T> => {
    await opened;
    try {
      return await work();
    } finally {
      await opened;
    }
  };
  const sqlOf = (sql: Sql): Sql => ({ query: (text, values) => guarded(() => sql.query(text, values)) });
  const poolOf = (pool: SqlPool): SqlPool => ({
    ...sqlOf(pool),
    transaction: (work) => guarded(() => pool.transaction((sql) => work(sqlOf(sql)))),
  });
  return {
    database: { ...database, engine: poolOf(database.engine), org: (orgId) => poolOf(database.org(orgId)) },
    get isShut() {
      return opened !== undefined;
    },
    shut() {
      opened ??= new Promise((resolve) => (open = resolve));
    },
    open() {
      opened = undefined;
      open();
    },
  };
}
