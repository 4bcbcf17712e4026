/** A page for each public error code: what it means and what to do beyond its one-line remedy. A new code does not typecheck without one. */
import { errorCodes, type ErrorCode } from '../../contract/error.ts';
import type { HelpPage } from './topics.ts';

interface CodeHelp {
  readonly means: string;
  readonly steps: readonly string[];
  readonly see?: readonly string[];
}

const codes: Readonly<Record<ErrorCode, CodeHelp>> = {
  invalid_body: {
    means: 'The body of the request does not have the shape that the call asks for.',
    steps: ['`details.problems` names each field with its path.', 'The reference at /api/docs shows the shape; keys that it does not name are refused.'],
  },
  invalid_query: {
    means: 'A parameter in the path or the query is not one that the call takes.',
    steps: ['The message names the parameter and what it takes.'],
  },
  unauthenticated: {
    means: 'The request carries no token, API key or cookie, or one that is not valid any more.',
    steps: ['Log in again; API keys end at their date or when they are deleted.', 'Behind a proxy: look whether it drops the `Authorization` header.'],
  },
  forbidden: {
    means: 'The caller is known, but may not do this.',
    steps: [
      'The message names the role or the scope that is needed.',
      'An administrator changes roles under Settings, Members, and scopes of a key under API keys.',
    ],
  },
  password_change_required: { means: 'The password is a temporary one.', steps: ['Change it at login, or with POST /api/v1/users/me/password.'] },
  model_not_found: {
    means: 'No model of that name can be asked by this organisation.',
    steps: ['GET /v1/models lists the names.', 'Models, Names and limits: other names (aliases), and which models are visible.'],
  },
  not_found: {
    means: 'There is no such thing, or it belongs to another organisation.',
    steps: ['Look at the id, and at the organisation that the key belongs to.', 'Ended instances are deleted after their retention.'],
  },
  illegal_transition: { means: 'The thing is in a state in which this command makes no sense.', steps: ['Read it again: its status changed meanwhile.'] },
  conflict: { means: 'Something else changed it, or has the name.', steps: ['Read the current state and decide again.'] },
  still_running: { means: 'It is used by something that has not ended.', steps: ['Wait for the end, or cancel it (`?cancel=true` where the call takes it).'] },
  stale_version: {
    means: 'Somebody published a newer version since this one was read.',
    steps: ['Fetch the newest, apply the change again and send its ETag in `If-Match`.'],
  },
  too_large: { means: 'The request, or a part of it, is larger than the call takes.', steps: ['Upload it as a file (tus, up to 100 GiB) and name the file.'] },
  misdirected_host: {
    means: 'The address in the browser is not one that this Studio answers to.',
    steps: ['Add the host to `ALLOWED_HOSTS`, or use an allowed one.'],
    see: ['live-updates'],
  },
  invalid_graph: { means: 'The workflow has faults.', steps: ['Each problem names its node, path and what is wrong; the editor marks them.'] },
  backup_unusable: {
    means: 'The backup can’t be used: it is damaged, of another version, or needs a passphrase.',
    steps: ['The message says which.', '`studio backup verify` looks at others; use the newest that is whole.'],
    see: ['backup'],
  },
  unsatisfiable: {
    means: 'No queue, worker or device of this machine can ever run it as asked.',
    steps: ['Ask for less memory or fewer devices, or use another queue; the message names what is too much.'],
    see: ['stuck-pending', 'gpu'],
  },
  idempotency_conflict: { means: 'The Idempotency-Key was used for another request within a day.', steps: ['Use a new key for a new request.'] },
  rate_limited: {
    means: 'Too many requests in a short time, or too many failed logins.',
    steps: ['Wait for the seconds in `Retry-After`.', 'Limits of models: Models, Names and limits.'],
  },
  queue_full: { means: 'As many jobs wait as the queue takes.', steps: ['Wait, or raise `maxPending` of the queue.'], see: ['stuck-pending'] },
  internal: {
    means: 'A fault of Studio itself.',
    steps: ['`studio logs --request ID` shows what happened; the error names the id.', 'Logs in the sidebar finds it, too.'],
    see: ['slow'],
  },
  upstream_failed: {
    means: 'A server that Studio asked for this request did not do its part.',
    steps: ['The message says what it answered; try again.', 'For models elsewhere: the provider’s own status page, and the key.'],
  },
  model_unavailable: {
    means: 'The model could not be loaded, or its engine ended.',
    steps: ['Models: why its load failed, and its log.', 'When memory is short: unload another, or a smaller quantisation.'],
    see: ['gpu'],
  },
  starting: { means: 'Studio is starting.', steps: ['Try again in a second. If it stays so: the page shows what holds it up.'], see: ['api-does-not-start'] },
  database_unavailable: {
    means: 'The database is away for the moment.',
    steps: ['Try again after `Retry-After`; nothing that was accepted is lost.'],
    see: ['database'],
  },
  maintenance: {
    means: 'An administrator keeps people out while something is mended. What runs goes on.',
    steps: ['Try again later; the banner says what is done.', 'A super administrator ends it under Settings, System, or with `studio maintenance disable`.'],
  },
  draining: { means: 'Studio is stopping.', steps: ['Try again when it is back.'] },
  disk_failed: {
    means: 'A disk that Studio needs answers with errors (EIO), is read-only, does not answer, or has changed what was stored.',
    steps: [
      'Health names the folder and what the disk said; `dmesg` says more.',
      'Work goes on by itself once the disk does; a file system that went read-only has to be mounted again.',
    ],
    see: ['disk-failing'],
  },
  disk_full: {
    means: 'There is no space left on the volume of the workspace.',
    steps: ['Delete what is not needed; writing goes on by itself then.'],
    see: ['disk'],
  },
};

/** By slug. */
export const errorPages: Readonly<Record<string, HelpPage>> = Object.fromEntries(
  Object.entries(codes).map(([code, { means, steps, see }]) => {
    const { status, remedy } = errorCodes[code as ErrorCode];
    return [
      code.replaceAll('_', '-'),
      {
        title: `Error ${code}`,
        signs: [`A call is answered with ${status} and the code \`${code}\`.`],
        causes: [means],
        steps: [remedy, ...steps],
        ...(see === undefined ? {} : { see }),
      },
    ];
  }),
);
