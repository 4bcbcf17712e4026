/** The floor: what the same PostgreSQL, on the same disk and with the same settings, does in the same minute without an engine.
 *  A database of its own beside Studio's; one row a commit, or many in one statement. */
import pg from 'pg';
import { timed, type Rig } from './bench-engine-rig.ts';

export interface Floor {
  /** Milliseconds of so many commits of one row each, one after the other on one connection. */
  commits(count: number): Promise<number>;
  /** Commits a second on so many connections at once, over `ms`. */
  rate(connections: number, ms: number): Promise<number>;
  /** Rows a second on one connection, so many a commit, over `ms`. */
  rows(batch: number, ms: number): Promise<number>;
  close(): Promise<void>;
}

const DATABASE = 'bench_floor';
const INSERT = 'insert into bench (value) values ($1)';
const INSERT_MANY = 'insert into bench (value) select * from unnest($1::text[])';

export async function createFloor(rig: Rig): Promise<Floor> {
  await rig.sql.query(`create database ${DATABASE}`);
  const one = new pg.Client(rig.connect(DATABASE));
  one.on('error', () => undefined);
  await one.connect();
  await one.query('create table bench (id bigint generated always as identity primary key, value text not null)');
  return {
    commits: (count) =>
      timed(async () => {
        for (let index = 0; index < count; index++) await one.query(INSERT, ['x']);
      }),
    async rate(connections, ms) {
      const clients = await Promise.all(
        Array.from({ length: connections }, async () => {
          const client = new pg.Client(rig.connect(DATABASE));
          await client.connect();
          return client;
        }),
      );
      let count = 0;
      const until = performance.now() + ms;
      const spent = await timed(() =>
        Promise.all(
          clients.map(async (client) => {
            for (; performance.now() < until; count++) await client.query(INSERT, ['x']);
          }),
        ),
      );
      await Promise.all(clients.map((client) => client.end()));
      return (count / spent) * 1_000;
    },
    async rows(batch, ms) {
      // As long as a small step's row.
      const values = Array.from({ length: batch }, () => 'x'.repeat(100));
      let count = 0;
      const until = performance.now() + ms;
      const spent = await timed(async () => {
        for (; performance.now() < until; count += batch) await one.query(INSERT_MANY, [values]);
      });
      return (count / spent) * 1_000;
    },
    async close() {
      await one.end();
      await rig.sql.query(`drop database ${DATABASE} with (force)`);
    },
  };
}
