/** Variables that other systems' deployments bring along and that are no keys of ours: what becomes of each, and why.
 *  Also finds the misspelt ones. Pure. */
import { nearestName } from '../kernel/nearest.ts';
import { keys } from './schema.ts';

export interface ForeignVariable {
  readonly name: string;
  readonly fate: 'applied' | 'mapped' | 'ignored' | 'unknown';
  readonly why: string;
}

/** First match wins. */
const RULES: readonly { readonly match: RegExp; readonly fate: 'mapped' | 'ignored' | 'applied'; readonly why: string }[] = [
  { match: /^GUNICORN_BIND$/, fate: 'mapped', why: 'gives HOST and PORT where these are not set' },
  { match: /^LLMCTL_POSTGRES_(HOST|PORT|DB|USER|PASSWORD)$/, fate: 'mapped', why: 'makes DATABASE_URL where that is not set' },
  {
    match: /^GUNICORN_(WORKERS|THREADS|WORKER_CLASS|WORKER_CONNECTIONS)$/,
    fate: 'ignored',
    why: 'Studio is one process; how much runs at once is set by the slots of each queue',
  },
  { match: /^GUNICORN_(MAX_REQUESTS|MAX_REQUESTS_JITTER)$/, fate: 'ignored', why: 'Studio does not recycle processes after a number of requests' },
  { match: /^GUNICORN_(ACCESS_LOG|ERROR_LOG|ACCESSLOG|ERRORLOG)$/, fate: 'ignored', why: 'one log, set by LOG_SINK and LOG_FORMAT' },
  { match: /^GUNICORN_CONTROL_SOCKET/, fate: 'ignored', why: 'the command line talks to the process by its signals and its workspace' },
  { match: /^GUNICORN_/, fate: 'ignored', why: 'Studio does not run under Gunicorn' },
  { match: /^LLMCTL_STUDIO_USE_GUNICORN$/, fate: 'ignored', why: 'Studio serves by itself' },
  { match: /^LLMCTL_STUDIO_SOCKETIO_/, fate: 'ignored', why: 'real time is the WebSocket at /api/v1/realtime' },
  { match: /^OPENHANDS_SECURITY_ENABLE_AUTH$/, fate: 'ignored', why: 'there is no access without login' },
  { match: /^OPENHANDS_CONFIG$/, fate: 'mapped', why: 'names a configuration file, as --config does' },
  {
    match: /^(ORCHESTRATOR_GRPC_ADDR|ENV_MANAGER_.*|WORKFLOW_STORE_DIR|ENV_QUEUE_DIR|RUST_LOG)$/,
    fate: 'ignored',
    why: 'belongs to a separate environment manager; its work is done by queues and jobs here',
  },
  { match: /^RUNPOD_/, fate: 'ignored', why: 'a fact about the pod; nothing depends on it' },
  { match: /^STUDIO_UNPACK_PATH$/, fate: 'applied', why: 'where the single executable unpacks itself, read before any configuration' },
  { match: /^STUDIO_EXECUTABLE$/, fate: 'applied', why: 'set by the single executable: its own path, for upgrade and install-service' },
  { match: /^STUDIO_(TEST|CHAOS|BENCH|FAILPOINT|JOB|ARTIFACTS|E2E|NODE)/, fate: 'applied', why: 'used by tests, tools and running jobs' },
];

/** Prefixes whose unknown members are worth a word; anything else in the environment is nobody's business. */
const WATCHED = /^(STUDIO|GUNICORN|LLMCTL|OPENHANDS|PROXY_FIX|MCP|DB_HEALTHCHECK|ENV_MANAGER|ORCHESTRATOR|RUNPOD)_/;
const WATCHED_NAMES = new Set(['WORKFLOW_STORE_DIR', 'ENV_QUEUE_DIR', 'RUST_LOG']);

/** The name an OPENHANDS_ variable has among our keys: matched against the known sections as a whole, never split at each underscore. */
export function openhandsNames(section: string): string {
  return `OPENHANDS_${section.replaceAll('.', '_').toUpperCase()}`;
}

/** What becomes of each variable in `env` that is no key of ours, sorted by name. */
export function explainForeign(env: Readonly<Record<string, string | undefined>>): readonly ForeignVariable[] {
  const known = knownNames();
  return Object.keys(env)
    .filter((name) => !known.has(name) && (WATCHED.test(name) || WATCHED_NAMES.has(name)))
    .sort()
    .map((name) => {
      const rule = RULES.find((one) => one.match.test(name));
      return rule === undefined
        ? { name, fate: 'unknown', why: `no such key; did you mean ${nearestName(name, known)}?` }
        : { name, fate: rule.fate, why: rule.why };
    });
}

function knownNames(): ReadonlySet<string> {
  return new Set(
    Object.values(keys).flatMap((spec) => [...spec.env, ...('section' in spec && spec.section !== undefined ? [openhandsNames(spec.section)] : [])]),
  );
}
