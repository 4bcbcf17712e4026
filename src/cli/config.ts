/** `studio config explain`: each key, its value, where it came from; `config table`: the README's table, from the same source. */
import { describeKeys, explainConfig, type Explanation } from '../config/explain.ts';
import { print, printJson, readArguments, readConfig, type Command } from './command.ts';

export const config: Command = async (args) => {
  const { values, positionals } = readArguments(args, { json: { type: 'boolean' } });
  if (positionals[0] === 'table') {
    print(tableText());
    return 0;
  }
  if (positionals[0] !== 'explain') {
    process.stderr.write('studio: config explain [--json] | config table\n');
    return 2;
  }
  const explanation = explainConfig(await readConfig(values.config), process.env);
  if (values.json === true) printJson(explanation);
  else print(explanationText(explanation));
  return 0;
};

function explanationText(explanation: Explanation): string {
  const width = Math.max(...explanation.keys.map(({ env }) => env[0]?.length ?? 0));
  const keys = explanation.keys.map(({ env, value, from, hides, change, about }) => {
    const hidden = hides.length === 0 ? '' : `; hides ${hides.join(', ')}`;
    return `${(env[0] ?? '').padEnd(width)}  ${value}\n${' '.repeat(width)}  from ${from}${hidden}; to change: ${change}\n${' '.repeat(width)}  ${about}`;
  });
  const foreign = explanation.foreign.map(({ name, fate, why }) => `${name}: ${fate}: ${why}`);
  return [
    `Mode: ${explanation.mode} (${explanation.reason})`,
    `Workspace: ${explanation.workspacePath}`,
    ...explanation.notices.map((notice) => `Note: ${notice}`),
    '',
    ...keys,
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
