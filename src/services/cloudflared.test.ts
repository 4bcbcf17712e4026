import { deepEqual, equal, throws } from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { cloudflaredDefinition } from './cloudflared.ts';

test('the program on the PATH is run, and its token goes by the environment alone', () => {
  const folder = mkdtempSync(join(tmpdir(), 'studio-tunnel-'));
  try {
    const program = join(folder, 'cloudflared');
    writeFileSync(program, '#!/bin/sh\n', { mode: 0o755 });
    const { command, env } = cloudflaredDefinition(`relative:${folder}`);
    equal(command?.[0], program);
    equal(command?.join(' ').includes('TUNNEL'), false);
    deepEqual(env, { TUNNEL_TOKEN: '{{ secrets.CLOUDFLARE_TUNNEL_TOKEN }}' });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('a file that can not be run is no program', () => {
  const folder = mkdtempSync(join(tmpdir(), 'studio-tunnel-'));
  try {
    writeFileSync(join(folder, 'cloudflared'), '', { mode: 0o644 });
    // Elsewhere on this machine one may stand: then that is taken.
    let found: string | undefined;
    try {
      found = cloudflaredDefinition(folder).command?.[0];
    } catch {
      throws(() => cloudflaredDefinition(folder), /there is no program cloudflared on this machine: install it/);
    }
    equal(found?.startsWith(folder) ?? false, false);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
