/** `studio links`: the addresses of this Studio, and the claim link while nobody has used it. */
import { existsSync, readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { claimPath } from '../identity/first-admin.ts';
import { proposedOrigin } from '../identity/public-origin.ts';
import { findHolder } from '../supervise/lock.ts';
import { printJson, printTable, readArguments, readConfig, type Command } from './command.ts';

export const links: Command = async (args) => {
  const { values } = readArguments(args, { json: { type: 'boolean' } });
  const { config } = await readConfig(values.config);
  const port = findHolder(config.workspacePath)?.port ?? config.port;
  const isTls = config.tlsCertFile !== undefined;
  const here = `${isTls ? 'https' : 'http'}://${['0.0.0.0', '::'].includes(config.host) ? 'localhost' : config.host}:${port}`;
  const proposed = proposedOrigin({ podId: config.runpodPodId, port, isTls });
  const claim = claimPath(config.workspacePath);
  const found: readonly (readonly [name: string, url: string])[] = [
    ['here', here],
    ...(config.host === '0.0.0.0' ? addresses().map((address) => ['network', `${isTls ? 'https' : 'http'}://${address}:${port}`] as const) : []),
    ...(proposed === here ? [] : [['public', proposed] as const]),
    ...(existsSync(claim) ? [['claim', readFileSync(claim, 'utf8').trim()] as const] : []),
    ['reference', `${here}/api/docs`],
    ['OpenAPI', `${here}/api/v1/openapi.json`],
    ['metrics', `${here}/metrics`],
    ['models', `${here}/v1`],
    ['help', `${here}/docs/troubleshooting`],
  ];
  if (values.json === true) printJson({ links: found.map(([name, url]) => ({ name, url })) });
  else printTable(found);
  return 0;
};

/** Of this machine, as others reach it. */
function addresses(): readonly string[] {
  return Object.values(networkInterfaces())
    .flatMap((all) => all ?? [])
    .filter(({ family, internal }) => family === 'IPv4' && !internal)
    .map(({ address }) => address);
}
