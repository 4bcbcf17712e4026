/** What one test process tells the runner: a line of JSON per test that starts or ends. Loaded by --test-reporter; prints nothing else. */
import { inspect } from 'node:util';
import type { TestEvent } from 'node:test/reporters';

/** `start` names a test that may never end; `pass` and `fail` are of tests, never of suites; `note` is what a test wants said (a seed, a figure). */
export interface TestLine {
  readonly kind: 'start' | 'pass' | 'fail' | 'note';
  readonly name: string;
  readonly file: string;
  readonly line: number;
  readonly ms: number;
  readonly isSkipped: boolean;
  readonly error?: string;
}

export default async function* report(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const event of source) {
    const line = lineOf(event);
    if (line !== undefined) yield `${JSON.stringify(line)}\n`;
  }
}

function lineOf(event: TestEvent): TestLine | undefined {
  if (event.type === 'test:dequeue') return { ...placeOf(event.data), kind: 'start', ms: 0, isSkipped: false };
  // The run's own totals stand at the first character of the file.
  if (event.type === 'test:diagnostic')
    return event.data.line === 1 && event.data.column === 1
      ? undefined
      : { ...placeOf({ ...event.data, name: event.data.message }), kind: 'note', ms: 0, isSkipped: false };
  if (event.type === 'test:pass') {
    if (event.data.details.type === 'suite') return undefined;
    return {
      ...placeOf(event.data),
      kind: 'pass',
      ms: event.data.details.duration_ms,
      isSkipped: event.data.skip !== undefined || event.data.todo !== undefined,
    };
  }
  if (event.type !== 'test:fail') return undefined;
  const { error, duration_ms: ms } = event.data.details;
  // Its failed children speak for it.
  if (isOfChildren(error)) return undefined;
  return { ...placeOf(event.data), kind: 'fail', ms, isSkipped: false, error: inspect(error.cause ?? error, { depth: 6 }) };
}

function placeOf(data: { readonly name: string; readonly file?: string; readonly line?: number }): Pick<TestLine, 'name' | 'file' | 'line'> {
  return { name: data.name, file: data.file ?? '', line: data.line ?? 0 };
}

function isOfChildren(error: Error): boolean {
  return 'failureType' in error && error.failureType === 'subtestsFailed';
}
