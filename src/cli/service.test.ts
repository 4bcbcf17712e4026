import { deepEqual, equal, match, ok, throws } from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test, type TestContext } from 'node:test';
import { SYSTEMD_NOTIFY } from '../supervise/systemd.ts';
import { root } from '../test/source-files.ts';
import { commandOf, unitOf } from './service-unit.ts';

const base = mkdtempSync(join(tmpdir(), 'studio-service-'));
after(() => rmSync(base, { recursive: true, force: true }));

const plain = {
  user: 'studio',
  executable: '/opt/studio/studio',
  workspacePath: '/var/lib/studio',
  port: 8000,
  envFile: '/etc/studio/studio.env',
  hasNotify: true,
};

/** systemd is not what runs here: its calls are written down. */
const calls = join(base, 'calls');
const programs = join(base, 'programs');
mkdirSync(programs);
writeFileSync(join(programs, 'systemctl'), `#!/bin/sh\necho "$*" >> ${calls}\n`, { mode: 0o755 });

function command(args: readonly string[], env: Record<string, string> = {}): { readonly code: number | null; readonly out: string } {
  const ended = spawnSync(process.execPath, [join(root, 'src/cli.ts'), ...args], {
    env: { PATH: `${programs}:${process.env['PATH'] ?? ''}`, HOME: base, ...env },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return { code: ended.status, out: `${ended.stdout}${ended.stderr}` };
}

function callsSoFar(): readonly string[] {
  const lines = existsSync(calls) ? readFileSync(calls, 'utf8').trim().split('\n') : [];
  rmSync(calls, { force: true });
  return lines;
}

test('the unit keeps jobs alive over restarts, runs as its user, and writes to its workspace only', () => {
  const text = unitOf({ ...plain, memoryMax: '16G', cpuQuota: '400%' });
  for (const line of [
    'User=studio',
    'ExecStart=/opt/studio/studio start',
    'KillMode=process',
    'OOMPolicy=continue',
    'Restart=always',
    'ProtectSystem=strict',
    'MemoryMax=16G',
    'CPUQuota=400%',
  ])
    ok(text.split('\n').includes(line), line);
  match(text, /^ReadWritePaths=\/var\/lib\/studio \/tmp \/var\/tmp$/m);
  match(text, /^ProtectHome=yes$/m);
  match(unitOf({ ...plain, workspacePath: '/home/ann/studio' }), /^ProtectHome=read-only$/m);
  match(text, /^Type=notify$[^]*^NotifyAccess=all$[^]*^WatchdogSec=180$/m);
  match(unitOf({ ...plain, hasNotify: false }), /^Type=exec$/m);
  match(unitOf({ ...plain, port: 443 }), /^AmbientCapabilities=CAP_NET_BIND_SERVICE$/m);
  for (const workspacePath of ['/var/lib/a b', '/x\nExecStartPre=/bin/false', '/100%', 'relative'])
    throws(() => unitOf({ ...plain, workspacePath }), /can't stand in a unit/);
});

test('systemd takes the unit without a word, and rates it', (context: TestContext) => {
  const analyze = '/usr/bin/systemd-analyze';
  if (!existsSync(analyze)) return context.skip('systemd-analyze is not installed');
  const unit = join(base, 'studio.service');
  // What is named must be there, on any machine.
  writeFileSync(unit, unitOf({ ...plain, user: 'daemon', executable: '/bin/true', workspacePath: '/var/lib' }));
  const verified = spawnSync(analyze, ['verify', unit], { encoding: 'utf8' });
  // Of other units, too, it says what it thinks: they are not ours.
  deepEqual(
    verified.stderr.split('\n').filter((line) => line.includes('studio.service')),
    [],
  );
  const rated = spawnSync(analyze, ['security', '--offline=true', '--threshold=30', unit], { encoding: 'utf8' });
  equal(rated.status, 0, rated.stdout);
});

test('the command of operators is the service user, but for what needs root', () => {
  const script = join(base, 'command');
  writeFileSync(script, commandOf({ ...plain, executable: '/bin/echo' }), { mode: 0o755 });
  equal(spawnSync('/bin/sh', ['-n', script]).status, 0);
  equal(spawnSync(script, ['upgrade', 'file'], { encoding: 'utf8' }).stdout, 'upgrade file\n');
});

test('install-service prints what it would write, and refuses names and ports that are none', () => {
  equal(command(['install-service', '--print']).out, unitOf({ ...plain, hasNotify: existsSync(SYSTEMD_NOTIFY) }));
  match(command(['install-service', '--user', 'a b']).out, /"a b" is no name of a user/);
  match(command(['install-service', '--port', '70000']).out, /--port 70000 is no port/);
  equal(command(['install-service', '--nonsense']).code, 2);
  deepEqual(callsSoFar(), []);
});

test('install and uninstall: files, calls of systemd, and data that goes only when told so', (context: TestContext) => {
  if (process.getuid?.() !== 0) return context.skip('needs root');
  const [prefix, workspace, executable] = [join(base, 'root'), join(base, 'workspace'), join(base, 'studio')];
  writeFileSync(executable, '#!/bin/sh\n', { mode: 0o755 });
  const words = ['install-service', '--root', prefix, '--user', 'daemon', '--workspace', workspace, '--port', '8123'];
  match(command(words).out, /installs the single executable/);
  const installed = command(words, { STUDIO_EXECUTABLE: executable });
  equal(installed.code, 0, installed.out);
  deepEqual(callsSoFar(), ['daemon-reload', 'enable studio.service', 'restart studio.service']);
  const unit = join(prefix, 'etc/systemd/system/studio.service');
  match(readFileSync(unit, 'utf8'), /^ExecStart=\/opt\/studio\/studio start$/m);
  equal(statSync(join(prefix, 'opt/studio/studio')).mode & 0o777, 0o755);
  equal(statSync(join(prefix, 'etc/studio/studio.env')).mode & 0o777, 0o600);
  equal(statSync(workspace).mode & 0o777, 0o750);
  writeFileSync(join(prefix, 'etc/studio/studio.env'), 'LOG_LEVEL=debug\n');
  equal(command(words, { STUDIO_EXECUTABLE: executable }).code, 0);
  equal(readFileSync(join(prefix, 'etc/studio/studio.env'), 'utf8'), 'LOG_LEVEL=debug\n', 'settings are kept');
  callsSoFar();

  const unsaid = command(['uninstall', '--root', prefix]);
  deepEqual([unsaid.code, callsSoFar()], [1, []], unsaid.out);
  match(unsaid.out, /--keep-data or --purge; nothing was changed/);
  match(command(['uninstall', '--root', prefix, '--purge']).out, /does not look like a workspace of Studio/);
  ok(existsSync(unit));
  const kept = command(['uninstall', '--root', prefix, '--keep-data']);
  equal(kept.code, 0, kept.out);
  deepEqual(callsSoFar(), ['disable --now studio.service', 'daemon-reload']);
  deepEqual(
    [existsSync(unit), existsSync(join(prefix, 'opt/studio')), existsSync(workspace), existsSync(join(prefix, 'etc/studio/studio.env'))],
    [false, false, true, true],
  );

  equal(command(words, { STUDIO_EXECUTABLE: executable }).code, 0);
  writeFileSync(join(workspace, '.env'), 'STUDIO_WORKSPACE_ID=0123456789\n');
  const purged = command(['uninstall', '--root', prefix, '--purge']);
  equal(purged.code, 0, purged.out);
  deepEqual([existsSync(workspace), existsSync(join(prefix, 'etc/studio'))], [false, false]);
  match(command(['uninstall', '--root', prefix, '--keep-data']).out, /install-service was not run here/);
});
