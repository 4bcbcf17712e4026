/** Records a history, and replays one from each of its commits. */
import type { Json } from '../../contract/endpoint.ts';
import type { Rows } from '../memory-store/rows.ts';
import { play, type History, type Setup } from './play.ts';

/** @throws Error when it does not come to its end */
export async function record(name: string, setup: Setup): Promise<History> {
  const { rows, recorded, faults } = await play(setup);
  if (faults.length > 0) throw new Error(`${name}: ${faults.join('; ')}`);
  return { name, ...setup, ...recorded, final: finalOf(rows) };
}

/** @returns what diverges, and after which event */
export async function replay(history: History): Promise<readonly string[]> {
  const found: string[] = [];
  for (let commits = 0; commits <= history.commits.length; commits++) {
    // In the middle of a command that nobody was answered: it may be lost, or have gone half its way.
    if (history.handsDone.some(([asked, answered]) => asked < commits && commits < answered)) continue;
    // Serial: the first divergence tells most.
    const { rows, faults } = await play(history, { history, commits });
    const differences = [...faults, ...differencesOf(history.final, finalOf(rows), '')];
    if (differences.length > 0) found.push(`from commit ${commits} (after ${lastEvent(history, commits)}): ${differences.slice(0, 3).join('; ')}`);
  }
  return found;
}

function lastEvent(history: History, commits: number): string {
  const event = history.commits[commits - 1]?.batch?.events.at(-1);
  return event === undefined ? 'its beginning' : `${event.type} ${String(event.payload['path'] ?? '')} (event ${event.sequence})`;
}

/** How everything ended, without times and made-up ids. */
function finalOf(rows: Rows): Json {
  const instances = [...rows.instances.values()]
    .toSorted((a, b) => (a.id < b.id ? -1 : 1))
    .map((instance) => {
      const steps = [...(rows.steps.get(instance.id)?.values() ?? [])].map((row) => [
        `${row.path} ${row.generation}`,
        { status: row.status, attempt: row.attempt, port: row.port, output: shortOf(row.output), code: codeOf(row.error), reason: row.reason },
      ]);
      return [
        instance.id,
        { status: instance.status, output: shortOf(instance.output), code: codeOf(instance.error), steps: Object.fromEntries(steps) as Json },
      ];
    });
  return Object.fromEntries(instances) as Json;
}

const MAX_CHARS = 2_000;

function shortOf(text: string | null): Json {
  return text === null || text.length > MAX_CHARS ? (text?.length ?? null) : (JSON.parse(text) as Json);
}

function codeOf(error: string | null): Json {
  return error === null ? null : (JSON.parse(error) as { code: string }).code;
}

function differencesOf(expected: Json, actual: Json, path: string): string[] {
  if (typeof expected === 'object' && expected !== null && typeof actual === 'object' && actual !== null) {
    const [wanted, given] = [expected as Record<string, Json>, actual as Record<string, Json>];
    return [...new Set([...Object.keys(wanted), ...Object.keys(given)])].flatMap((key) =>
      differencesOf(wanted[key] ?? null, given[key] ?? null, `${path}/${key}`),
    );
  }
  return expected === actual ? [] : [`${path} is ${JSON.stringify(actual)}, recorded as ${JSON.stringify(expected)}`];
}
