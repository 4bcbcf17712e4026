/** A process that tells and sends notifications and does nothing else, to be killed by a test. Its standard input says what it works on. */
import { text } from 'node:stream/consumers';
import { createEgress } from '../kernel/egress.ts';
import { systemClock } from '../kernel/clock.ts';
import { createNotify } from '../notify/notify.ts';
import { openDatabase } from '../store/client.ts';
import type { RoleConnections } from '../store/provision.ts';
import { silentLog } from './database.ts';
import { notifySettings } from './notify-harness.ts';

export interface NotifyProcessRequest {
  readonly roles: Pick<RoleConnections, 'engine' | 'api'>;
}

const { roles } = JSON.parse(await text(process.stdin)) as NotifyProcessRequest;
const database = openDatabase({ engine: roles.engine, api: roles.api, log: silentLog });
await createNotify({
  database,
  clock: systemClock,
  log: silentLog,
  settingsOf: () => Promise.resolve(notifySettings),
  httpOf: () => createEgress({ allowedHosts: () => Promise.resolve(notifySettings.allowedHosts) }),
  secrets: { read: () => Promise.resolve('secret-of-the-test') },
  smtp: { url: undefined, from: undefined },
}).start();
