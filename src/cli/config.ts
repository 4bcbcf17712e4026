/** `studio config explain`: each key, its value, where it came from; `get`, `set` and `unset`: one of them, in the workspace's .env; `table`: the README's
 *  table, from the same source. */
import { readEnvFile, setEnvValue } from '../config/env-file.ts';
import { describeKeys, explainConfig, type ExplainedKey, type Explanation } from '../config/explain.ts';
import { LIVE_KEYS } from '../config/live.ts';
import { keys, type KeyName, type KeySpec } from '../config/schema.ts';
import { messageOf } from '../kernel/fail.ts';
import { didYouMean } from '../kernel/nearest.ts';
import { findHolder } from '../supervise/lock.ts';
import { print, printJson, readArguments, readConfig, WrongUse, wrongVerb, type Command } from './command.ts';

export const config: Command = async (args) => {
  const { values, positionals } = readArguments(args, { json: { type: 'boolean' } });
  const [verb, name, value, ...more] = positionals;
  if (verb === 'table') print(tableText());
  else if (verb === 'explain') {
    const explanation = await explain(values.config);
    if (values.json === true) printJson(explanation);
    else print(explanationText(explanation));
  } else if (verb === 'get') {
    const found = keyOf((await explain(values.config)).keys, name);
    if (values.json === true) printJson(found);
    else print(found.value);
  } else if (verb === 'set' || verb === 'unset') {
    if (more.length > 0 || (verb === 'set') !== (value !== undefined))
      throw new WrongUse('config set takes a NAME and a VALUE (in quotes where it holds blanks), config unset a NAME.');
    return change(values.config, name, value);
  } else throw wrongVerb('config', verb);
  return 0;
};

async function explain(filePath: string | undefined): Promise<Explanation> {
  return explainConfig(await readConfig(filePath), process.env);
}

function keyOf(known: readonly ExplainedKey[], name: string | undefined): ExplainedKey {
  const found = known.find(({ env }) => name !== undefined && env.includes(name.toUpperCase()));
  if (found !== undefined) return found;
  const names = known.flatMap(({ env }) => env);
  throw new WrongUse(
    name === undefined ? 'it needs the NAME of a setting; studio config explain lists them.' : `there is no setting ${name}${didYouMean(name, names)}`,
  );
}

/** @param value undefined: it is taken away */
async function change(filePath: string | undefined, name: string | undefined, value: string | undefined): Promise<number> {
  const { config: present, origins } = await readConfig(filePath);
  const known = Object.entries(keys) as [KeyName, KeySpec][];
  const [key, spec] = known.find(([, one]) => name !== undefined && one.env.includes(name.toUpperCase())) ?? [];
  if (key === undefined || spec === undefined)
    throw new WrongUse(
      `there is no setting ${name}${didYouMean(
        name ?? '',
        known.flatMap(([, one]) => one.env),
      )}`,
    );
  const [canonical] = spec.env;
  if (key === 'workspacePath') throw new Error('WORKSPACE_PATH says where .env lies and so can not stand in it: set it in the environment.');
  if (value !== undefined)
    try {
      spec.kind.parse(value);
    } catch (error) {
      throw new Error(`${canonical} ${messageOf(error)}. Nothing was changed.`, { cause: error });
    }
  const written = spec.env.filter((one) => one in readEnvFile(present.workspacePath));
  if (value === undefined && written.length === 0) throw new Error(`${canonical} is not set in ${present.workspacePath}/.env.`);
  if (value === undefined && spec.isGenerated === true)
    throw new Error(`${canonical} was made for this workspace and what is sealed or signed with it would be lost. Edit .env by hand if that is meant.`);
  for (const one of written.filter((other) => other !== canonical || value === undefined)) setEnvValue(present.workspacePath, one, undefined);
  if (value !== undefined) setEnvValue(present.workspacePath, canonical, value);
  const winner = origins.get(key)?.winner;
  if (winner?.source === 'environment') print(`${winner.name} is set in the environment, which wins: unset it there for this to count.`);
  if (findHolder(present.workspacePath) !== undefined)
    print((LIVE_KEYS as readonly KeyName[]).includes(key) ? 'To put it in effect: studio reload' : 'It takes effect with the next start: studio restart');
  return 0;
}

function explanationText(explanation: Explanation): string {
  const width = Math.max(...explanation.keys.map(({ env }) => env[0]?.length ?? 0));
  const lines = explanation.keys.map(({ env, value, from, hides, change: way, about }) => {
    const hidden = hides.length === 0 ? '' : `; hides ${hides.join(', ')}`;
    return `${(env[0] ?? '').padEnd(width)}  ${value}\n${' '.repeat(width)}  from ${from}${hidden}; to change: ${way}\n${' '.repeat(width)}  ${about}`;
  });
  const foreign = explanation.foreign.map(({ name, fate, why }) => `${name}: ${fate}: ${why}`);
  return [
    `Mode: ${explanation.mode} (${explanation.reason})`,
    `Workspace: ${explanation.workspacePath}`,
    ...explanation.notices.map((notice) => `Note: ${notice}`),
    '',
    ...lines,
    ...(foreign.length === 0 ? [] : ['', 'Other variables found:', ...foreign]),
  ].join('\n');
}

function tableText(): string {
  const rows = describeKeys().map(
    ({ names: [first = '', ...aliases], fallback, about }) =>
      `| ${[`\`${first}\``, ...aliases.map((alias) => `\`${alias}\``)].join(', ')} | ${fallback} | ${about} |`,
  );
  return ['| variable (aliases) | default | meaning |', '|---|---|---|', ...rows].join('\n');
}
