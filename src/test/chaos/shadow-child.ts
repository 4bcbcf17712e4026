/** One life of the machine in the shadow's campaign, a process of its own: starts the database from whatever there is, says what it holds, then commits
 *  as fast as it can and says each commit once PostgreSQL has acknowledged it. It never ends by itself: it is killed. */
import pg from 'pg';
import { createShadowRig } from '../shadow-rig.ts';

const [base = '', volume = '', clients = '2', mode = 'sync'] = process.argv.slice(2);
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const rig = await createShadowRig({ base, volume });
const running = await rig.start({ mode: mode === 'async' ? 'async' : 'sync' });
for (const line of rig.said) say(`said ${line}`);
await running.ask('create table if not exists kept (client int, n int, filler text, primary key (client, n))');
const held = await running.ask<{ client: number; count: number; max: number }>(
  'select client, count(*)::int as count, max(n) as max from kept group by client',
);
const highest = new Map(held.map((row) => [row.client, row.max]));
for (const { client, count, max } of held) say(`have ${client} ${count} ${max}`);
say('ready');

const { server } = running;
await Promise.all(
  Array.from({ length: Number(clients) }, async (_, client) => {
    const connection = new pg.Client({ host: server.socketDir, port: server.port, user: server.superuser, password: 'throwaway', database: 'postgres' });
    connection.on('error', () => undefined);
    await connection.connect();
    for (let n = (highest.get(client) ?? 0) + 1; ; n++) {
      await connection.query('insert into kept values ($1, $2, $3)', [client, n, 'x'.repeat((n * 37) % 900)]); // Serial: the next follows what was acknowledged.
      say(`ack ${client} ${n}`);
    }
  }),
);
