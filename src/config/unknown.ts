/** Variables that nobody reads and that were most likely meant for Studio: told at the start, each with the name that was meant. Pure.
 *  Never about what other programs own: only names with our prefixes, names in the workspace's own .env, and near misses of long names. */
import { editDistance, nearestName } from '../kernel/nearest.ts';
import { explainForeign } from './foreign.ts';
import { keys } from './schema.ts';

/** A short name is near to many that mean something else (HOME, HOST). */
const LONG_ENOUGH = 10;
const NEAR = 2;

export function unknownVariables(
  env: Readonly<Record<string, string | undefined>>,
  envFile: Readonly<Record<string, string | undefined>>,
  envFilePath: string,
): readonly string[] {
  const known = Object.values(keys).flatMap((spec) => spec.env);
  const told = new Set<string>();
  const tell = (name: string, where: string): string[] => {
    if (told.has(name)) return [];
    told.add(name);
    return [`${where} sets ${name}, which Studio does not have; did you mean ${nearestName(name, known)}?`];
  };
  const watched = explainForeign(env).filter(({ fate }) => fate === 'unknown');
  const isRead = (name: string): boolean => known.includes(name) || explainForeign({ [name]: '' }).some(({ fate }) => fate !== 'unknown');
  return [
    ...watched.flatMap(({ name }) => tell(name, 'the environment')),
    ...Object.keys(env)
      .filter((name) => name.length >= LONG_ENOUGH && !isRead(name) && known.some((one) => isNear(name, one)))
      .flatMap((name) => tell(name, 'the environment')),
    ...Object.keys(envFile)
      .filter((name) => !isRead(name) && !name.startsWith('OPENHANDS_'))
      .flatMap((name) => tell(name, envFilePath)),
  ];
}

/** The first letter is seldom mistyped, and looking at it first spares the start most of the counting. */
function isNear(name: string, known: string): boolean {
  return known.length >= LONG_ENOUGH && known[0] === name[0] && Math.abs(known.length - name.length) <= NEAR && editDistance(name, known) <= NEAR;
}
