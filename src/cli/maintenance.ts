/** `studio maintenance`: warns people, keeps them out while something is mended, lets them in again. Work that runs goes on. */
import type { Maintenance } from '../contract/maintenance.ts';
import { askLocal } from './api-door.ts';
import { print, printJson, readArguments, readConfig, wrongVerb, type Command } from './command.ts';

const PATH = '/api/v1/system/maintenance';
const MODES = { warn: 'warned', enable: 'on', disable: 'off' } as const;

export const maintenance: Command = async (args) => {
  const { values, positionals } = readArguments(args, { json: { type: 'boolean' } });
  const [verb = 'show', ...words] = positionals;
  if (verb !== 'show' && !isVerb(verb)) throw wrongVerb('maintenance', verb);
  const loaded = await readConfig(values.config);
  const message = words.length === 0 ? null : words.join(' ');
  const state = (isVerb(verb)
    ? await askLocal(loaded, 'PUT', PATH, { mode: MODES[verb], message })
    : await askLocal(loaded, 'GET', PATH)) as unknown as Maintenance;
  if (values.json === true) printJson(state);
  else print(`${sayOf(state)}${state.message === null ? '' : `: ${state.message}`}`);
  return 0;
};

function isVerb(verb: string): verb is keyof typeof MODES {
  return Object.hasOwn(MODES, verb);
}

function sayOf({ mode, since }: Maintenance): string {
  if (mode === 'off') return 'No maintenance: everybody works';
  return mode === 'warned' ? `People are warned since ${since}` : `People are kept out since ${since}; super administrators and what runs are not`;
}
