/** Where log lines go when what reads them is gone: on a real process and a real pipe. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { logPath } from './log-output.ts';

const workspacePath = mkdtempSync(join(tmpdir(), 'studio-log-'));
after(() => rmSync(workspacePath, { recursive: true, force: true }));

test('a reader of the log that goes away does not end the process, and the file has every line', async () => {
  const program = `
    import { openLogOutput } from ${JSON.stringify(new URL('./log-output.ts', import.meta.url).href)};
    const output = openLogOutput({ logFormat: 'json', logSink: 'stdout', logSyslog: '', logFileMaxBytes: 1e6, logFileKeep: 1, workspacePath: process.argv[1] });
    output.write('first\\n');
    process.stdin.on('data', () => {}).on('end', async () => {
      for (let turn = 0; turn < 20; turn++) {
        output.write('line ' + turn + '\\n');
        process.stderr.write('also here');
        await new Promise((resolve) => setImmediate(resolve));
      }
      await output.end();
    });
  `;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program, workspacePath], { stdio: ['pipe', 'pipe', 'pipe'] });
  await once(child.stdout, 'data');
  child.stdout.destroy();
  child.stderr.destroy();
  child.stdin.end();
  const [code] = (await once(child, 'exit')) as [number | null];
  assert.equal(code, 0);
  assert.match(readFileSync(logPath(workspacePath), 'utf8'), /^first\n(line \d+\n){20}$/);
});
