/** The tunnel of CLOUDFLARE_TUNNEL_TOKEN: cloudflared as a service of Studio's own. The token goes by its environment, never by its arguments. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { serviceDefinition, type ServiceDefinition } from '../contract/services.ts';
import { Refusal } from '../supervise/refusal.ts';

export const CLOUDFLARED = 'cloudflared';

/** `token` stands for the tunnel's where the secrets of others stand. */
export const TUNNEL_SECRET = 'CLOUDFLARE_TUNNEL_TOKEN';

/** @throws Refusal when there is no such program */
export function cloudflaredDefinition(path: string): ServiceDefinition {
  const program = [...path.split(delimiter), '/usr/local/bin', '/usr/bin']
    .filter((folder) => folder.startsWith('/'))
    .map((folder) => join(folder, CLOUDFLARED))
    .find(isExecutable);
  if (program === undefined)
    throw new Refusal(
      'config',
      'CLOUDFLARE_TUNNEL_TOKEN is set, and there is no program cloudflared on this machine: install it (it is looked for again), or unset the token.',
    );
  return serviceDefinition.parse({
    name: CLOUDFLARED,
    command: [program, 'tunnel', '--no-autoupdate', '--metrics', '127.0.0.1:{{port}}', 'run'],
    env: { TUNNEL_TOKEN: `{{ secrets.${TUNNEL_SECRET} }}` },
    // Ready means connected to the edge.
    health: { type: 'http', path: '/ready', intervalMs: 15_000 },
    stopGraceMs: 5_000,
  });
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
