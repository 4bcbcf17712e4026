/** What the gateway costs: the same server of models asked directly and through `/v1` of a built Studio, in turns of one run, streaming
 *  64 tokens an answer. Twice: at the pace of a fast engine (5 ms a token), and as fast as everything goes.
 *  Options: --rounds 10 (answers a client and turn), --clients 1,8,32, --json */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { claimStudio, createStudio } from '../../src/test/studio-process.ts';
import { quantile } from './bench-engine-rig.ts';
import { tableOf, type Measure } from './bench-table.ts';

const { values: options } = parseArgs({
  options: { rounds: { type: 'string', default: '10' }, clients: { type: 'string', default: '1,8,32' }, json: { type: 'boolean', default: false } },
});
const rounds = Number(options.rounds);
const TURNS = 3;

interface Server {
  readonly url: string;
  readonly child: ChildProcess;
}

async function startServer(tokenMs: number): Promise<Server> {
  const program = fileURLToPath(new URL('./bench-gateway-server.ts', import.meta.url));
  const child = spawn(process.execPath, [program, String(tokenMs)], { stdio: ['pipe', 'pipe', 'inherit'] });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return { url: line.toString().trim(), child };
}

interface Target {
  readonly url: string;
  readonly model: string;
  readonly token: string;
}

interface Answered {
  readonly firstMs: number;
  readonly tokens: number;
}

const agent = new Agent({ keepAlive: true });
const body = (model: string): string => JSON.stringify({ model, stream: true, messages: [{ role: 'user', content: 'Tell me something.' }] });

function ask({ url, model, token }: Target): Promise<Answered> {
  const startedAt = performance.now();
  let firstMs = Number.NaN;
  let tokens = 0;
  return new Promise((resolve, reject) => {
    const sent = request(
      `${url}/chat/completions`,
      { agent, method: 'POST', headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` } },
      (response) => {
        if (response.statusCode !== 200) return reject(new Error(`${url} answered ${response.statusCode}`));
        response.setEncoding('utf8').on('data', (chunk: string) => {
          const found = chunk.split('"content":"').length - 1;
          if (found > 0 && Number.isNaN(firstMs)) firstMs = performance.now() - startedAt;
          tokens += found;
        });
        response.once('end', () => resolve({ firstMs, tokens }));
      },
    );
    sent.once('error', reject);
    sent.end(body(model));
  });
}

/** @returns times to the first token, and tokens a second of all clients together */
async function load(target: Target, clients: number): Promise<{ readonly firstMs: readonly number[]; readonly rate: number }> {
  const startedAt = performance.now();
  const answers = await Promise.all(
    Array.from({ length: clients }, async () => {
      const own: Answered[] = [];
      // Serial: a client asks one thing after the other.
      for (let round = 0; round < rounds; round++) own.push(await ask(target));
      return own;
    }),
  );
  const all = answers.flat();
  return { firstMs: all.map(({ firstMs }) => firstMs), rate: all.reduce((sum, { tokens }) => sum + tokens, 0) / ((performance.now() - startedAt) / 1_000) };
}

interface Side {
  readonly firstMs: number[];
  readonly rates: number[];
}

async function compare(direct: Target, gateway: Target, clients: number, pace: string): Promise<readonly Measure[]> {
  const sides: Record<'direct' | 'gateway', Side> = { direct: { firstMs: [], rates: [] }, gateway: { firstMs: [], rates: [] } };
  for (let turn = 0; turn < TURNS; turn++) {
    for (const [name, target] of [
      ['direct', direct],
      ['gateway', gateway],
    ] as const) {
      // In turns, so that whatever else this machine does meets both.
      const { firstMs, rate } = await load(target, clients);
      sides[name].firstMs.push(...firstMs);
      sides[name].rates.push(rate);
    }
  }
  const label = `${pace}, ${clients} client${clients === 1 ? '' : 's'}`;
  const at = (side: Side, share: number): number => quantile(side.firstMs, share);
  const line = (name: string, unit: string, values: readonly number[]): Measure => ({ name: `${label}: ${name}`, unit, values });
  return [
    ...[0.5, 0.99].flatMap((share) => [
      line(`first token p${share * 100}, direct`, 'ms', [at(sides.direct, share)]),
      line(`first token p${share * 100}, gateway`, 'ms', [at(sides.gateway, share)]),
    ]),
    line('tokens, direct', '/s', sides.direct.rates),
    line('tokens, gateway', '/s', sides.gateway.rates),
    line(
      'tokens, gateway : direct',
      '',
      sides.gateway.rates.map((rate, index) => rate / (sides.direct.rates[index] ?? Number.NaN)),
    ),
  ];
}

const paced = await startServer(5);
const flat = await startServer(0);
const studio = await createStudio();
const measures: Measure[] = [];
try {
  await studio.start();
  const client = await claimStudio(studio);
  await client.expect(200, 'PATCH', '/api/v1/settings', { allowedHosts: ['127.0.0.1'] });
  for (const [name, { url }] of [
    ['paced', paced],
    ['flat', flat],
  ] as const)
    await client.expect(201, 'POST', '/api/v1/models', { engine: 'remote', name, settings: { kind: 'openai', baseUrl: url, model: 'tiny' } });
  const token = String((await client.expect(201, 'POST', '/api/v1/api-keys', { name: 'bench', scopes: ['models:run'] }))['key']);
  const targets = (server: Server, name: string): readonly [Target, Target] => [
    { url: server.url, model: 'tiny', token: '' },
    { url: `${studio.url}/v1`, model: name, token },
  ];
  for (const [server, name, pace] of [
    [paced, 'paced', '5 ms a token'],
    [flat, 'flat', 'flat out'],
  ] as const) {
    const [direct, gateway] = targets(server, name);
    for (let warm = 0; warm < 5; warm++) await Promise.all([load(direct, 4), load(gateway, 4)]);
    for (const clients of options.clients.split(',').map(Number)) {
      process.stderr.write(`${pace}, ${clients} clients …\n`);
      measures.push(...(await compare(direct, gateway, clients, pace)));
    }
  }
} finally {
  agent.destroy();
  await studio.destroy();
  for (const { child } of [paced, flat]) child.kill();
}
process.stdout.write(options.json ? `${JSON.stringify(measures, null, 2)}\n` : tableOf(measures));
process.exit(0);
