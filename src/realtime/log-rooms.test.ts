/** Logs over real sockets, of real jobs. */
import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { callerOf, connectLive, startLive, type LiveClient, type LiveServer } from '../test/live.ts';
import type { ServerFrame } from '../contract/events.ts';
import { HARNESS_ORG, jobsHarness, type JobsHarness } from '../test/jobs-harness.ts';
import { completeText } from './complete-text.ts';
import { LOW_HELD_BYTES } from './ear.ts';

const MIB = 1024 * 1024;
type Frame<T extends ServerFrame['type']> = Extract<ServerFrame, { type: T }>;

let harness: JobsHarness;
let live: LiveServer;
before(async () => {
  harness = await jobsHarness();
  live = await startLive({ database: harness.database, logs: harness.jobs.logs });
  live.callers.set('token', callerOf('user_jobs', { orgId: HARNESS_ORG }));
  live.callers.set('other', callerOf('user_other', { orgId: 'org_other' }));
});
after(async () => {
  await live.close();
  await harness.close();
});

const isEnd = (frame: ServerFrame): frame is Frame<'log_end'> => frame.type === 'log_end';
const isLog = (frame: ServerFrame): frame is Frame<'log'> => frame.type === 'log';
const isGap = (frame: ServerFrame): frame is Frame<'log_gap'> => frame.type === 'log_gap';
const textOf = (client: LiveClient): string =>
  client.frames
    .filter(isLog)
    .map((frame) => frame.text)
    .join('');

test('a log comes while the job writes it, range by range, and ends with how the job ended', async () => {
  const gate = join(harness.shared, 'gate');
  const { job } = await harness.submit({ script: `echo "first ✓"; while [ ! -e ${gate} ]; do sleep 0.02; done; printf 'last'; exit 3` });
  const room = `job_log:${job.id}`;
  const client = await connectLive(live.port);
  assert.deepEqual((await client.subscribe([room, `job:${job.id}`])).denied, []);
  await client.frame((frame): frame is Frame<'log'> => isLog(frame) && frame.text.includes('first ✓\n'));
  assert.ok(!client.frames.some(isEnd));
  writeFileSync(gate, '');
  const end = await client.frame(isEnd);
  assert.deepEqual(end, { type: 'log_end', room, at: Buffer.byteLength('first ✓\nlast'), status: 'failed', exitCode: 3, reason: 'exit_code' });
  assert.equal(textOf(client), await harness.log(job.id));
  const ranges = client.frames.filter(isLog);
  assert.deepEqual(
    ranges.map((frame) => frame.from),
    [0, ...ranges.map((frame) => frame.to).slice(0, -1)],
  );
  await client.close();
});

test('who comes back goes on from the byte that was reached; what is over is told at once', async () => {
  const { job } = await harness.submit({ script: 'echo one; echo two' });
  await harness.ended(job.id);
  const room = `job_log:${job.id}`;
  const client = await connectLive(live.port);
  await client.subscribe([room], { [room]: '4' });
  assert.equal((await client.frame(isEnd)).status, 'completed');
  assert.equal(textOf(client), 'two\n');
  // Open again: it was left with its end.
  await client.subscribe([room], { [room]: '0' });
  await client.frame((frame): frame is Frame<'log'> => isLog(frame) && frame.from === 0);
  await client.close();
});

test("another organisation's log is denied, an odd offset and a log too many are refused", async () => {
  const { job } = await harness.submit({ script: 'echo secret' });
  await harness.ended(job.id);
  const room = `job_log:${job.id}`;
  const other = await connectLive(live.port, { token: 'other' });
  assert.deepEqual((await other.subscribe([room])).denied, [room]);
  const client = await connectLive(live.port);
  for (const since of ['-1', '1.5', 'x', '9'.repeat(30)]) client.send({ type: 'subscribe', id: 'odd', rooms: [room], since: { [room]: since } });
  client.send({ type: 'subscribe', id: 'many', rooms: Array.from({ length: 17 }, (_, index) => `job_log:job_${index}`) });
  client.send({ type: 'ping' });
  await client.frame((frame): frame is Frame<'pong'> => frame.type === 'pong');
  await client.frame((frame): frame is Frame<'error'> => frame.type === 'error' && frame.code === 'rate_limited');
  assert.equal(client.frames.filter((frame) => frame.type === 'error' && frame.code === 'invalid_query').length, 4);
  assert.ok(![...other.frames, ...client.frames].some(isLog));
  await Promise.all([client, other].map((one) => one.close()));
});

test('an unsubscribed log falls silent, and one whose right ended', async () => {
  const script = 'while :; do echo tick; sleep 0.02; done';
  const [left, taken] = await Promise.all([harness.submit({ script }), harness.submit({ script })]);
  const rooms = [`job_log:${left.job.id}`, `job_log:${taken.job.id}`];
  const client = await connectLive(live.port);
  await client.subscribe(rooms);
  for (const room of rooms) await client.frame((frame): frame is Frame<'log'> => isLog(frame) && frame.room === room);
  client.send({ type: 'unsubscribe', id: 'u', rooms: [rooms[0]] });
  live.callers.set('token', callerOf('user_jobs', { orgId: 'org_other' }));
  await live.realtime.revise({ userId: 'user_jobs' });
  live.callers.set('token', callerOf('user_jobs', { orgId: HARNESS_ORG }));
  client.send({ type: 'ping' });
  await client.frame((frame): frame is Frame<'pong'> => frame.type === 'pong');
  const heard = client.frames.filter(isLog).length;
  const watcher = await connectLive(live.port);
  await watcher.subscribe(rooms);
  // Two ranges each: time for others to have come.
  for (const room of rooms) await watcher.frame((frame): frame is Frame<'log'> => isLog(frame) && frame.room === room && frame.from > 0);
  assert.equal(client.frames.filter(isLog).length, heard);
  await Promise.all([client, watcher].map((one) => one.close()));
  for (const { job } of [left, taken]) await harness.jobs.cancel(job.id, 'enough');
});

test('a job that writes faster than a client reads: nothing is held for it, it is moved to the end and told what was left out', async () => {
  const gate = join(harness.shared, 'burst');
  const { job } = await harness.submit({
    script: `echo begin; while [ ! -e ${gate} ]; do sleep 0.02; done; head -c 200000000 /dev/zero | tr '\\0' 'x' | fold -w 99; echo the end`,
  });
  const room = `job_log:${job.id}`;
  const [slow, quick] = await Promise.all([connectLive(live.port), connectLive(live.port)]);
  await Promise.all([slow.subscribe([room]), quick.subscribe([room])]);
  await slow.frame(isLog);
  slow.ws.pause();
  writeFileSync(gate, '');
  let most = 0;
  const watching = setInterval(() => (most = Math.max(most, live.heldBytes()[0] ?? 0)), 5);
  const end = await quick.frame(isEnd);
  clearInterval(watching);
  assert.ok(most <= LOW_HELD_BYTES + MIB, `${most} bytes were held for a client`);
  slow.ws.resume();
  assert.deepEqual(await slow.frame(isEnd), end);
  for (const client of [slow, quick]) {
    const frames = client.frames.filter((frame) => isLog(frame) || isGap(frame));
    assert.ok(frames.some(isGap));
    // Each begins where the one before ended, and a gap ends where a line begins.
    for (const [index, frame] of frames.entries()) assert.equal(frame.from, frames[index - 1]?.to ?? 0);
    assert.equal(frames.at(-1)?.to, end.at);
    for (const [index, frame] of frames.entries()) {
      const next = frames[index + 1];
      if (isGap(frame) && next !== undefined && isLog(next)) assert.match(next.text, /^(x{99}\n|x+\n?the end|the end)/);
    }
    assert.ok(textOf(client).endsWith('the end\n'));
  }
  assert.ok(existsSync(gate));
  await Promise.all([slow, quick].map((one) => one.close()));
});

test('text is cut where a character ends, and what is no text does not stop it', () => {
  const bytes = Buffer.concat([Buffer.from('a✓é🙂z'), Buffer.from([0xff, 0x80, 0xf0])]);
  for (let size = 1; size <= bytes.length; size++) {
    let [at, text] = [0, ''];
    while (at < bytes.length) {
      const range = bytes.subarray(at, at + size + 3);
      const part = completeText(range, at + range.length >= bytes.length);
      at += part.length;
      text += part.text;
    }
    assert.equal(text, bytes.toString(), `ranges of ${size + 3} bytes`);
  }
  assert.deepEqual(completeText(Buffer.from([0xe2, 0x9c]), false), { text: '', length: 0 });
});
