/** A person's notifications, and what an org sends to webhooks and by e-mail. */
import { notificationEndpoints } from '../../contract/notifications.ts';
import { deliveryStatuses } from '../../contract/values.ts';
import type { Notify } from '../../notify/notify.ts';
import { listDeliveries } from '../../store/notification-deliveries.ts';
import { countUnread, listNotifications } from '../../store/notifications.ts';
import { statusesOf } from '../filters.ts';
import { pageOf } from '../pages.ts';
import { routesOf, type Route } from '../route.ts';

export function notificationRoutes(notify: Pick<Notify, 'read' | 'readAll' | 'retry' | 'test'>): readonly Route[] {
  return routesOf(notificationEndpoints, {
    'GET /api/v1/notifications': async (call) => {
      const { limit, after, unread } = call.query;
      const cursor = await call.cursor();
      const { orgId, userId } = call.caller;
      const [found, count] = await Promise.all([
        listNotifications(call.sql, { orgId, userId, unreadOnly: unread === 'true', after, limit: limit + 1 }),
        countUnread(call.sql, { orgId, userId }),
      ]);
      return { body: { ...pageOf(found, { limit, after: (one) => one.id, cursor }), unread: count } };
    },
    'POST /api/v1/notifications/{id}/read': async (call) => ({ body: await notify.read(call.caller, call.params.id) }),
    'POST /api/v1/notifications/read-all': async (call) => ({ body: { read: await notify.readAll(call.caller) } }),
    'GET /api/v1/notifications/deliveries': async (call) => {
      const { limit, after, status } = call.query;
      const cursor = await call.cursor();
      const found = await listDeliveries(call.sql, { orgId: call.caller.orgId, statuses: statusesOf(status, deliveryStatuses), after, limit: limit + 1 });
      return { body: pageOf(found, { limit, after: (one) => one.id, cursor }) };
    },
    'POST /api/v1/notifications/deliveries/{id}/retry': async (call) => ({ body: await notify.retry(call.caller.orgId, call.params.id) }),
    'POST /api/v1/notifications/test': async (call) => {
      const told = await notify.test(call.caller, call.body, call.newId('ntf'));
      return { body: { channel: call.body.channel, notifications: told.notifications, deliveries: [...told.deliveries] } };
    },
  });
}
