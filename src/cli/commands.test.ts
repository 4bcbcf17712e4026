import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { root } from '../test/source-files.ts';
import { helpText, manual, manualText, type CommandName, type Manual } from './manual.ts';

const workspace = mkdtempSync(join(tmpdir(), 'studio-commands-'));
after(() => rmSync(workspace, { recursive: true, force: true }));

const names = Object.keys(manual) as CommandName[];
const commandsSource = readFileSync(join(root, 'src/cli/commands.ts'), 'utf8');

function studio(...args: readonly string[]): { readonly code: number | null; readonly out: string; readonly err: string } {
  const env = { PATH: process.env['PATH'] ?? '', HOME: workspace, WORKSPACE_PATH: workspace };
  const ended = spawnSync(process.execPath, [join(root, 'src/cli.ts'), ...args], { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  return { code: ended.status, out: ended.stdout, err: ended.stderr };
}

/** Where the command `name` is written: as commands.ts imports it. */
function sourceOf(name: CommandName): string {
  const file = new RegExp(`'?${name}'?: async \\(\\) => \\(await import\\('(\\./[a-z-]+\\.ts)'\\)\\)`).exec(commandsSource)?.[1];
  return readFileSync(join(root, 'src/cli', file ?? name), 'utf8');
}

test('help lists every command, and each tells what it takes', () => {
  for (const name of names) {
    match(helpText(), new RegExp(`^  ${name} `, 'm'));
    match(manualText(name), new RegExp(`^studio ${name}: `));
  }
  deepEqual([studio('help').out, studio('--help').out, studio('help').code], [helpText(), helpText(), 0]);
  for (const asked of [studio('db', '--help'), studio('db', 'migrate', '-h'), studio('help', 'db')]) deepEqual([asked.out, asked.code], [manualText('db'), 0]);
  deepEqual([studio('start', '--help').out, studio('start', '--help').code], [manualText('start'), 0]);
});

test('the options that the manual names are those that the commands take', () => {
  const missing = names.flatMap((name) => {
    const { options = [] }: Manual = manual[name];
    const source = sourceOf(name);
    return options
      .map(([option]) => option.replace(/^-\w, /, '').replace(/^--/, ''))
      .filter((option) => !source.includes(`${option}: {`) && !source.includes(`'${option}': {`))
      .map((option) => `${name} --${option}`);
  });
  deepEqual(missing, []);
});

test('what is mistyped is answered with what was meant, and status 2', () => {
  const slips: readonly (readonly [readonly string[], RegExp])[] = [
    [['statsu'], /there is no command statsu; did you mean "status"\?/],
    [['db', 'migarte'], /there is no "db migarte"; did you mean "migrate"\?/],
    [['db'], /db takes one of check, status, migrate/],
    [['status', '--jsno'], /there is no option --jsno; did you mean "--json"\?/],
    [['logs', '--follwo'], /did you mean "--follow"\?/],
    [['secrets', 'genrate'], /did you mean "generate"\?/],
    [['services', 'strat', 'x'], /did you mean "start"\?/],
    [['services', 'stop'], /needs the NAME/],
    [['config', 'get', 'LOG_LEVLE'], /there is no setting LOG_LEVLE; did you mean "LOG_LEVEL"\?/],
    [['config', 'set', 'PORT'], /takes a NAME and a VALUE/],
    [['nothing-like-it'], /there is no command nothing-like-it\. studio help lists them/],
  ];
  for (const [args, expected] of slips) {
    const { code, err, out } = studio(...args);
    deepEqual([code, out], [2, ''], args.join(' '));
    match(err, expected);
  }
});

test('config set, get and unset: one line of .env, checked before it is written', () => {
  const envFile = (): string => readFileSync(join(workspace, '.env'), 'utf8');
  equal(studio('config', 'set', 'LOG_LEVEL', 'warn').code, 0);
  equal(studio('config', 'set', 'smtp_from', 'Studio <studio@example.com> # "us"').code, 0);
  equal(studio('config', 'get', 'LOG_LEVEL').out, 'warn\n');
  equal(studio('config', 'get', 'SMTP_FROM').out, 'Studio <studio@example.com> # "us"\n');
  equal(studio('config', 'set', 'LOG_LEVEL', 'error').code, 0);
  deepEqual(envFile().match(/LOG_LEVEL/g)?.length, 1);
  const refused = studio('config', 'set', 'PORT', '99999');
  deepEqual([refused.code, envFile().includes('PORT')], [1, false]);
  match(refused.err, /PORT .*Nothing was changed/);
  match(studio('config', 'set', 'WORKSPACE_PATH', '/tmp').err, /can not stand in it/);
  equal(studio('config', 'unset', 'LOG_LEVEL').code, 0);
  ok(!envFile().includes('LOG_LEVEL'));
  match(studio('config', 'unset', 'LOG_LEVEL').err, /is not set in/);
});

test('where nothing runs, commands that need a Studio say how to get one', () => {
  deepEqual([studio('health').code, studio('health', '--json').code, studio('stop').code], [3, 3, 0]);
  match(studio('workers').err, /no Studio runs on .*studio start/);
  match(studio('reload').err, /no Studio runs on/);
  match(studio('links').out, /here +http:\/\/localhost:8000/);
});

test('db check: status 1 and the reason where the database can not be had', () => {
  const other = mkdtempSync(join(workspace, 'other-'));
  mkdirSync(join(other, 'pg'), { mode: 0o700 });
  writeFileSync(join(other, 'pg/PG_VERSION'), '12\n');
  const ended = spawnSync(process.execPath, [join(root, 'src/cli.ts'), 'db', 'check', '--json'], {
    env: { PATH: process.env['PATH'] ?? '', HOME: workspace, WORKSPACE_PATH: other },
    encoding: 'utf8',
  });
  const { verdict, about } = JSON.parse(ended.stdout) as { verdict: string; about: string };
  deepEqual([ended.status, verdict], [1, 'unreachable'], ended.stderr);
  match(about, /can't be reached: The PostgreSQL directory/);
});

test('the wizard writes what was answered, asks again for what can not be used, and keeps the rest', () => {
  const answers = ['99999', '8123', '', 'production', '', 'true', '', '', ''].join('\n');
  const ended = spawnSync(process.execPath, [join(root, 'src/cli.ts'), 'wizard'], {
    env: { PATH: process.env['PATH'] ?? '', HOME: workspace, WORKSPACE_PATH: workspace },
    encoding: 'utf8',
    input: `${answers}\n`,
  });
  equal(ended.status, 0, ended.stderr);
  match(ended.stdout, /Written to .*\.env: PORT, ENV, PROXY_FIX_ENABLED\./);
  deepEqual(
    ['PORT', 'ENV', 'PROXY_FIX_ENABLED', 'HOST'].map((name) => new RegExp(`^${name}=(.*)$`, 'm').exec(readFileSync(join(workspace, '.env'), 'utf8'))?.[1]),
    ['8123', 'production', 'true', undefined],
  );
});
