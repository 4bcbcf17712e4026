/** notify: a message to people or to a webhook. Queues it; never waits for the receiver. */
import * as z from 'zod';
import { notifyTarget, recipient, webhookUrl, type NotifyTarget } from '../../contract/notifications.ts';
import { secretName } from '../../contract/secrets.ts';
import { notificationChannels } from '../../contract/values.ts';
import { asField, defineNode, inPort, NodeError, outPort } from '../kit.ts';

const params = z.strictObject({
  channel: z.enum(notificationChannels).default('in_app'),
  to: z.array(recipient).min(1).max(50).optional().describe('E-mail addresses, user ids, publisher, admins or members; default: publisher'),
  url: webhookUrl.optional().describe('Of a webhook'),
  urlSecret: secretName
    .optional()
    .describe('Name of the secret that holds the URL; in place of url')
    .meta(asField({ control: 'secret' })),
  secret: secretName
    .optional()
    .describe('Name of the secret that signs the webhook')
    .meta(asField({ control: 'secret' })),
  title: z.string().min(1).max(1_000).describe('One line; the subject of an e-mail'),
  message: z
    .string()
    .max(20_000)
    .default('')
    .meta(asField({ control: 'long' })),
});
type Params = z.infer<typeof params>;

export const notify = defineNode({
  type: 'notify',
  version: 1,
  title: 'Notify',
  summary: 'Tells people, in Studio or by e-mail, or a webhook.',
  category: 'network',
  inputs: inPort,
  outputs: outPort,
  params,
  example: { channel: 'in_app', to: ['admins'], title: 'Report {{ input.month }} is ready', message: 'It has {{ steps.report.output.rows }} rows.' },
  docs: `Output: \`{ notifications, deliveries }\`: how many inboxes have it, and the ids of what is sent (Notifications, Deliveries).

The step ends once the message is kept; it is sent from there, up to ten times within a day, through the guard of outgoing requests. A second attempt of the step, also after a crash, sends nothing twice. A webhook gets \`{ type: "notify.message", timestamp, text, data }\` with \`webhook-id\`, the same for every attempt, and \`webhook-signature\` (Standard Webhooks) when \`secret\` names one.

A title or message made with a secret is masked whole. A URL that is a secret is named by \`urlSecret\`, never written into \`url\`.

Errors: \`no_smtp\` (e-mail needs SMTP_URL), \`invalid_target\` (a webhook needs one of url and urlSecret), \`secret_in_target\`, \`nobody\` (no member is meant by \`to\`); all final.`,
  runs: 'inline',
  pure: false,
  check: (node) => {
    const { channel = 'in_app', url, urlSecret, to } = node.params ?? {};
    if (channel === 'webhook' && (url === undefined) === (urlSecret === undefined))
      return [{ path: 'params.url', code: 'invalid_target', message: 'a webhook needs url, or urlSecret (the name of a secret that holds it), and not both' }];
    if (channel === 'webhook' && to !== undefined) return [{ path: 'params.to', code: 'invalid_target', message: 'a webhook goes to its URL; leave out to' }];
    return [];
  },
  async run(values, context) {
    const told = await context.notify.send({ target: targetOf(values), title: values.title, message: values.message });
    if (told.notifications === 0 && told.deliveries.length === 0)
      throw new NodeError('nobody', `no member of this organisation is meant by ${values.to?.join(', ') ?? 'publisher'}; name members or words in to`, {
        final: true,
      });
    context.log(`told ${told.notifications} in the app, ${told.deliveries.length} to be sent`);
    return { kind: 'output', output: { notifications: told.notifications, deliveries: [...told.deliveries] } };
  },
});

function targetOf({ channel, to, url, urlSecret, secret }: Params): NotifyTarget {
  const parsed = notifyTarget.safeParse(
    channel === 'webhook'
      ? { channel, ...(url === undefined ? {} : { url }), ...(urlSecret === undefined ? {} : { urlSecret }), ...(secret === undefined ? {} : { secret }) }
      : { channel, ...(to === undefined ? {} : { to }) },
  );
  if (parsed.success) return parsed.data;
  throw new NodeError('invalid_target', parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; '), { final: true });
}
