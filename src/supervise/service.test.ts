import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict';
import { test } from 'node:test';
import type { ExitStatus } from '../kernel/child.ts';
import { deferred } from '../kernel/deferred.ts';
import { silentLog } from '../test/database.ts';
import { fakeClock } from '../test/fake-clock.ts';
import { Refusal } from './refusal.ts';
import { createServices, type RunningService, type ServiceSpec } from './service.ts';

/** A service whose process is a promise that the test settles. */
function scripted(name: string, required = true) {
  const runs: { end: (status: Partial<ExitStatus>) => void }[] = [];
  let failure: Error | undefined;
  const spec: ServiceSpec = {
    name,
    required,
    async start(): Promise<RunningService> {
      if (failure !== undefined) throw failure;
      const exit = deferred<ExitStatus>();
      const end = (status: Partial<ExitStatus>): void => exit.resolve({ code: 0, signal: null, uptimeMs: 0, ...status });
      runs.push({ end });
      return {
        pid: 1_000 + runs.length,
        exited: exit.promise,
        lines: () => ['last words'],
        async stop() {
          end({ code: 0 });
          return exit.promise;
        },
      };
    },
  };
  return { spec, runs, fail: (error: Error | undefined) => (failure = error) };
}

function supervised() {
  const clock = fakeClock();
  const kernel = { oomKills: 3 };
  const services = createServices({ clock, log: silentLog, countOomKills: () => kernel.oomKills });
  const states: string[] = [];
  services.onChange((service) => states.push(`${service.name} ${service.state}`));
  return { clock, kernel, services, states };
}

/** Lets settled promises run their followers. */
const settle = async (): Promise<void> => {
  for (let i = 0; i < 20; i++) await Promise.resolve();
};

test('a service that ends is started again at once, and its exit is remembered', async () => {
  const { clock, services, states } = supervised();
  const one = scripted('postgres');
  await services.add(one.spec);
  one.runs[0]?.end({ code: null, signal: 'SIGKILL', uptimeMs: 60_000 });
  await settle();
  await clock.advance(0);
  await settle();
  equal(services.get('postgres')?.state, 'running');
  equal(services.get('postgres')?.pid, 1_002);
  deepEqual(states, ['postgres starting', 'postgres running', 'postgres backing_off', 'postgres starting', 'postgres running']);
  deepEqual(
    services.get('postgres')?.exits.map(({ signal, uptimeMs, lastLines }) => [signal, uptimeMs, lastLines]),
    [['SIGKILL', 60_000, ['last words']]],
  );
});

test('one that keeps failing is tried ever more slowly, and never more often than every 30 s in the end', async () => {
  const { clock, services } = supervised();
  const one = scripted('postgres');
  one.fail(new Error('no room'));
  await rejects(services.add(one.spec), /no room/);
  let tries = 0;
  services.onChange(({ state }) => (tries += state === 'starting' ? 1 : 0));
  for (let second = 0; second < 600; second++) {
    await clock.advance(1_000);
    await settle();
  }
  ok(tries >= 20 && tries <= 40, `${tries} tries in ten minutes`);
  match(services.get('postgres')?.reason ?? '', /no room/);
  one.fail(undefined);
  await clock.advance(31_000);
  await settle();
  equal(services.get('postgres')?.state, 'running');
});

test('a refusal is shown as failed, looked at again now and then, and heals', async () => {
  const { clock, services } = supervised();
  const one = scripted('postgres');
  one.fail(new Refusal('data_directory', 'not to be trusted'));
  await rejects(services.add(one.spec), /not to be trusted/);
  equal(services.get('postgres')?.state, 'failed');
  one.fail(undefined);
  await clock.advance(3_000);
  await settle();
  equal(services.get('postgres')?.state, 'running');
});

test('a required service is restarted by a call, never stopped', async () => {
  const { services } = supervised();
  const one = scripted('postgres');
  await services.add(one.spec);
  await rejects(services.stop('postgres'), /can be restarted, not stopped/);
  const service = await services.restart('postgres');
  deepEqual([service.state, service.pid], ['running', 1_002]);
});

test('an optional service stays stopped until it is started', async () => {
  const { clock, services } = supervised();
  const one = scripted('cloudflared', false);
  await services.add(one.spec);
  equal((await services.stop('cloudflared')).state, 'stopped');
  await clock.advance(120_000);
  await settle();
  equal(one.runs.length, 1);
  await rejects(services.stop('cloudflared'), /stopped already/);
  equal((await services.start('cloudflared')).state, 'running');
  await rejects(services.start('cloudflared'), /runs already/);
  await rejects(services.start('nginx'), /There is no service nginx/);
});

test('all are stopped, the last added first, and none comes back', async () => {
  const { clock, services, states } = supervised();
  const [one, two] = [scripted('postgres'), scripted('redis', false)];
  await services.add(one.spec);
  await services.add(two.spec);
  states.length = 0;
  await services.stopAll();
  deepEqual(states, ['redis stopped', 'postgres stopped']);
  await clock.advance(120_000);
  await settle();
  deepEqual([one.runs.length, two.runs.length], [1, 1]);
});

test('a kill that the kernel made for want of memory is told as one, another kill is not', async () => {
  const { clock, kernel, services } = supervised();
  const one = scripted('postgres');
  await services.add(one.spec);
  kernel.oomKills += 1;
  one.runs[0]?.end({ code: null, signal: 'SIGKILL', uptimeMs: 60_000 });
  await settle();
  match(services.get('postgres')?.reason ?? '', /killed by SIGKILL; out of memory/);
  await clock.advance(0);
  await settle();
  one.runs[1]?.end({ code: null, signal: 'SIGKILL', uptimeMs: 60_000 });
  await settle();
  equal(services.get('postgres')?.reason, 'it ended (killed by SIGKILL)');
  deepEqual(
    services.get('postgres')?.exits.map(({ lastLines }) => lastLines.length),
    [1, 2],
  );
});
