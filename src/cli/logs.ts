/** `studio logs`: the last lines of Studio's log, readable; --follow goes on until Ctrl-C. */
import { open } from 'node:fs/promises';
import { systemClock as clock } from '../kernel/clock.ts';
import { logPath, prettyLine } from '../ops/log-output.ts';
import { readArguments, readConfig, type Command } from './command.ts';

/** The end of the file that is looked at: enough for some thousand lines. */
const TAIL_BYTES = 1024 * 1024;

export const logs: Command = async (args) => {
  const { values } = readArguments(args, { lines: { type: 'string' }, follow: { type: 'boolean' }, json: { type: 'boolean' } });
  const { config } = await readConfig(values.config);
  const show = (line: string): void => void process.stdout.write(values.json === true ? `${line}\n` : prettyLine(line));
  const path = logPath(config.workspacePath);
  const tail = await readFrom(path, -TAIL_BYTES);
  let { end } = tail;
  for (const line of linesOf(tail.text).slice(-Number(values.lines ?? 100))) show(line);
  while (values.follow === true) {
    await clock.sleep(500); // Serial: each look goes on where the last one ended.
    const next = await readFrom(path, end);
    for (const line of linesOf(next.text)) show(line);
    ({ end } = next);
  }
  return 0;
};

function linesOf(text: string): readonly string[] {
  return text.split('\n').filter((line) => line !== '');
}

/** From a byte on, or (negative) the last so many. A file that shrank was rotated: from its beginning. */
async function readFrom(path: string, from: number): Promise<{ text: string; end: number }> {
  const file = await open(path).catch(() => undefined);
  if (file === undefined) throw new Error(`There is no log at ${path}: Studio has not run on this workspace.`);
  try {
    const { size } = await file.stat();
    const start = from < 0 ? Math.max(0, size + from) : from > size ? 0 : from;
    const buffer = Buffer.alloc(Math.min(size - start, TAIL_BYTES));
    await file.read(buffer, 0, buffer.length, start);
    const whole = buffer.subarray(0, buffer.lastIndexOf(10) + 1);
    return { text: whole.toString('utf8'), end: start + whole.length };
  } finally {
    await file.close();
  }
}
