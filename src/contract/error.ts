/** The closed list of public error codes: HTTP status and remedy. Never holds causes or messages of one request. */
import * as z from 'zod';

export const errorCodes = {
  invalid_body: { status: 400, remedy: 'Correct the named field and send the request again.' },
  invalid_query: { status: 400, remedy: 'Correct the named parameter and send the request again.' },
  unauthenticated: { status: 401, remedy: 'Log in, or send a valid access token or API key.' },
  forbidden: { status: 403, remedy: 'Ask an administrator for the named role or scope.' },
  password_change_required: { status: 403, remedy: 'Change the password first: POST /api/v1/users/me/password.' },
  model_not_found: { status: 404, remedy: 'GET /v1/models lists the models that can be asked.' },
  not_found: { status: 404, remedy: 'Check the id; it may have been deleted.' },
  illegal_transition: { status: 409, remedy: 'Read the current status; this command does not apply to it.' },
  conflict: { status: 409, remedy: 'Read the current state and decide again.' },
  still_running: { status: 409, remedy: 'Wait for it to end, or cancel it first.' },
  stale_version: { status: 412, remedy: 'Fetch the newest version, reapply the change and send its ETag in If-Match.' },
  too_large: { status: 413, remedy: 'Send less, or upload it as a file.' },
  misdirected_host: { status: 421, remedy: 'Add the host to ALLOWED_HOSTS, or use an allowed one.' },
  invalid_graph: { status: 422, remedy: 'Fix each listed problem.' },
  backup_unusable: { status: 422, remedy: 'Use another backup; `studio backup list` shows them.' },
  unsatisfiable: { status: 422, remedy: 'No queue, worker or device can ever run this; change the request.' },
  idempotency_conflict: { status: 422, remedy: 'Use a new Idempotency-Key for a different request.' },
  rate_limited: { status: 429, remedy: 'Wait for the time in Retry-After.' },
  queue_full: { status: 429, remedy: 'Wait until jobs have run, or raise the limit of the queue.' },
  internal: { status: 500, remedy: 'Look for the request id in the log of Studio.' },
  upstream_failed: { status: 502, remedy: 'The server that was asked did not do its part; the message says what it answered. Try again.' },
  model_unavailable: {
    status: 503,
    remedy: 'The model could not be loaded, or its engine ended; the message says why. Try again after the time in Retry-After.',
  },
  starting: { status: 503, remedy: 'Studio is starting; try again in a moment.' },
  database_unavailable: { status: 503, remedy: 'The database is coming back; try again in a moment.' },
  maintenance: { status: 503, remedy: 'The machine is under maintenance; try again later.' },
  draining: { status: 503, remedy: 'Studio is stopping; try again when it is back.' },
  disk_failed: {
    status: 503,
    remedy: 'The disk of the workspace does not do as it is told; the health page names it. Nothing that was accepted is lost; try again when it is mended.',
  },
  disk_full: { status: 507, remedy: 'Free space in the workspace.' },
} as const satisfies Record<string, { status: number; remedy: string }>;

export type ErrorCode = keyof typeof errorCodes;

export const errorBody = z.strictObject({
  error: z.strictObject({
    code: z.enum(Object.keys(errorCodes) as [ErrorCode, ...ErrorCode[]]),
    message: z.string(),
    details: z.record(z.string(), z.unknown()).optional(),
    requestId: z.string(),
  }),
});
