/** `studio services`: what runs beside Studio, how each ended before and what it said last; starts and stops them. */
import type { ReplyOf } from '../contract/index.ts';
import type { Service } from '../contract/services.ts';
import { askLocal } from './api-door.ts';
import { print, printJson, printTable, readArguments, readConfig, WrongUse, wrongVerb, type Command } from './command.ts';

const MAX_SHOWN = 200;

export const services: Command = async (args) => {
  const { values, positionals } = readArguments(args, { json: { type: 'boolean' } });
  const [verb = 'list', name] = positionals;
  if (!['list', 'show', 'start', 'stop', 'restart'].includes(verb)) throw wrongVerb('services', verb);
  if (verb !== 'list' && name === undefined) throw new WrongUse(`services ${verb} needs the NAME of a service; studio services lists them.`);
  const loaded = await readConfig(values.config);
  if (verb === 'list') {
    const { items } = (await askLocal(loaded, 'GET', `/api/v1/services?limit=${MAX_SHOWN}`)) as unknown as ReplyOf<'GET /api/v1/services'>;
    if (values.json === true) printJson({ items });
    else printTable([['service', 'state', 'pid', 'memory', 'restarts', 'last end'], ...items.map(rowOf)]);
    return 0;
  }
  const path = `/api/v1/services/${encodeURIComponent(name ?? '')}`;
  const service =
    verb === 'show'
      ? ((await askLocal(loaded, 'GET', path)) as unknown as ReplyOf<'GET /api/v1/services/{name}'>).service
      : ((await askLocal(loaded, 'POST', `${path}/${verb}`)) as unknown as Service);
  if (values.json === true) printJson(service);
  else if (verb === 'show') show(service);
  else print(`${service.name}: ${service.state}${service.reason === undefined ? '' : ` (${service.reason})`}`);
  return 0;
};

function rowOf({ name, state, pid, memoryBytes, restarts, exits }: Service): readonly string[] {
  const [last] = exits;
  return [
    name,
    state,
    pid === null ? '-' : String(pid),
    memoryBytes === null ? '-' : `${Math.round(memoryBytes / 1024 ** 2)} MiB`,
    String(restarts),
    last === undefined ? '-' : `${endOf(last)} at ${last.at}`,
  ];
}

function show(service: Service): void {
  print(`${service.name}: ${service.state}${service.reason === undefined ? '' : `: ${service.reason}`}`);
  if (service.exits.length === 0) print('It never ended.');
  for (const exit of service.exits) {
    print(`\n${exit.at}  ${endOf(exit)} after ${Math.round(exit.uptimeMs / 1_000)} s`);
    for (const line of exit.lastLines) print(`    ${line}`);
  }
}

function endOf({ code, signal }: Service['exits'][number]): string {
  return signal === null ? `exit code ${code ?? 'unknown'}` : `killed by ${signal}`;
}
