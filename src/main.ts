/** Starts Studio in order and stops it in reverse; wires nothing itself (wire.ts does). Everything beyond the port is imported after the port
 *  answers. Order: config → port → storage → lock → postgres → migrate → redis → application → ready. */
import { parseArgs } from 'node:util';
import studioConfig from '../studio.config.ts';
import { completeConfig, ConfigRefusal, loadConfig, type LoadedConfig } from './config/load.ts';
import { systemClock as clock } from './kernel/clock.ts';
import { AppError, messageOf } from './kernel/fail.ts';
import { createHealthBoard } from './ops/health.ts';
import { createBootProgress, type BootProgress } from './supervise/boot-progress.ts';
import { listen, type Listener } from './supervise/listener.ts';
import { Refusal } from './supervise/refusal.ts';
import { createShutdown, type Shutdown } from './supervise/shutdown.ts';
import { connectSystemd } from './supervise/systemd.ts';

/** Runs until it is told to stop. Refusals are printed, one line each, and end the process with status 1. */
export async function main(argv: readonly string[]): Promise<void> {
  try {
    const { values } = parseArgs({ args: [...argv], options: { config: { type: 'string' }, pretty: { type: 'boolean' } } });
    const options = { env: process.env, file: studioConfig, filePath: values.config, prettyByDefault: values.pretty === true || process.stdout.isTTY };
    const loaded = await loadConfig(options);
    const isEmbedded = loaded.decision.database.kind === 'embedded';
    // Once it runs its own PostgreSQL may listen where nobody did when that was decided.
    await start(loaded, () => loadConfig({ ...options, ...(isEmbedded ? { findHolder: () => undefined } : {}), isAgain: true }));
  } catch (error) {
    for (const line of error instanceof ConfigRefusal ? error.faults : [messageOf(error)]) process.stderr.write(`studio: ${line}\n`);
    await sayWhatToDo(error);
    if (!(error instanceof ConfigRefusal || error instanceof Refusal || error instanceof AppError))
      process.stderr.write(`${error instanceof Error ? (error.stack ?? '') : ''}\n`);
    process.exit(1);
  }
}

/** A start that was refused ends with the steps of its help page: there is nobody left to serve it. */
async function sayWhatToDo(error: unknown): Promise<void> {
  const kind = error instanceof ConfigRefusal ? 'config' : error instanceof Refusal ? error.kind : undefined;
  if (kind === undefined) return;
  const [{ refusalHelp }, { topics }] = await Promise.all([import('./ops/help/links.ts'), import('./ops/help/topics.ts')]);
  const lines = (topics[refusalHelp[kind]]?.steps ?? []).map((step) => `  - ${step.replaceAll('`', '')}\n`);
  process.stderr.write(`What to do:\n${lines.join('')}`);
}

async function start(loaded: LoadedConfig, loadAgain: () => Promise<LoadedConfig>): Promise<void> {
  const { config } = loaded;
  // From the first moment: a terminal that closes sends it, too, and it must not end the process.
  const hangup = { heard: (): void => undefined };
  process.on('SIGHUP', () => hangup.heard());
  const isPretty = config.logFormat === 'pretty' && config.logSink === 'stdout';
  const progress = createBootProgress(
    () => process.uptime() * 1_000,
    (line) => void (isPretty && process.stdout.write(`  ${line}\n`)),
  );
  const board = createHealthBoard({ progress });
  const listener = await listen({
    config,
    progress,
    health: () => board.minimal(),
    help: async (path) => (await import('./ops/help/answer.ts')).answerHelp(path),
  });
  const shutdown = createShutdown({
    get graceMs() {
      return config.gracefulTimeoutS * 1_000;
    },
    clock,
  });
  shutdown.onBegin(() => board.setDraining());
  const systemd = connectSystemd({ env: process.env, clock, onFault: (message) => progress.say(`systemd could not be told: ${message}`) });
  systemd?.tell({ STATUS: 'Starts' });
  shutdown.onBegin(() => systemd?.tell({ STOPPING: '1', STATUS: 'Stops; running jobs go on' }));
  shutdown.add('systemd', () => systemd?.stop());
  shutdown.add('port', () => listener.close(1_000));
  for (const notice of loaded.notices) progress.say(notice);
  // Lets the first request, which often waits already, be answered before the rest is compiled.
  await clock.sleep(1);
  try {
    const url = await boot({ loaded, loadAgain, hangup, progress, board, listener, shutdown });
    systemd?.tell({ READY: '1', STATUS: `Answers at ${url}` });
    systemd?.watch();
  } catch (error) {
    if (shutdown.signal.aborted) return; // Stopped while starting: the stop is under way.
    const damage = (await import('./ops/damaged-start.ts')).damageOf(error);
    if (damage !== undefined) {
      progress.setFault(damage);
      process.stderr.write(`studio: ${damage}\n`);
      return; // The page of the start stays, until Studio is stopped.
    }
    await shutdown.run(error instanceof Refusal ? 'start refused' : 'start failed');
    throw error;
  }
}

interface Booting {
  readonly loaded: LoadedConfig;
  readonly loadAgain: () => Promise<LoadedConfig>;
  readonly hangup: { heard: () => void };
  readonly progress: BootProgress;
  readonly board: ReturnType<typeof createHealthBoard>;
  readonly listener: Listener;
  readonly shutdown: Shutdown;
}

async function boot({ loaded, loadAgain, hangup, progress, board, listener, shutdown }: Booting): Promise<string> {
  const { bootMachine, announceReady } = await import('./boot.ts');
  const machine = await bootMachine({ loaded, completeConfig, progress, board, shutdown, clock });
  progress.enter('engine');
  const [{ getRequestListener }, wire] = await Promise.all([
    import('@hono/node-server'),
    machine.config.role === 'worker' ? import('./wire-worker.ts').then((loaded) => loaded.wireWorker) : import('./wire.ts').then((loaded) => loaded.wire),
  ]);
  const { createLiveConfig } = await import('./config/live.ts');
  const live = createLiveConfig({ config: machine.config, loaded, load: loadAgain, now: () => new Date(clock.now()) });
  const { createReload } = await import('./ops/reload.ts');
  const reload = createReload({ live, log: machine.log, workspacePath: machine.config.workspacePath, certificate: () => certificate?.reload() });
  const wired = await wire({ ...machine, clock, board, progress, live, reload });
  shutdown.add('application', () => wired.stop());
  shutdown.addFirst(() => wired.drain());
  const answer = getRequestListener((request, env) => wired.fetch(request, env), { errorHandler: () => wired.badRequest() });
  listener.handOver({
    answer: (request, response) => void answer(request, response),
    upgrade: (request, socket, head) => wired.upgrade(request, socket, head),
  });
  const { setTls } = listener;
  const certificate = setTls && (await import('./supervise/tls.ts')).watchTls({ files: machine.config, clock, log: machine.log, apply: setTls });
  hangup.heard = () => void reload().catch(() => undefined); // It has told.
  shutdown.add('certificate', () => certificate?.stop());
  progress.enter('ready');
  announceReady({ config: machine.config, url: listener.url, log: machine.log, progress });
  return listener.url;
}
