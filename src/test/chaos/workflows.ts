/** The workflows of a chaos campaign: chains, a fan-out, a timer, commands and files, each with effects that the oracle notes, and the
 *  output that each must end with. */
import type { Definition } from '../../contract/graph.ts';
import type { Oracle } from './oracle.ts';

export interface ChaosWorkflow {
  readonly name: string;
  readonly definition: Pick<Definition, 'nodes' | 'edges'>;
}

type Node = Definition['nodes'][number];

/** What every run ends with. */
export function outputOf(run: string): unknown {
  return { done: run };
}

export function chaosWorkflows(oracle: Oracle): readonly ChaosWorkflow[] {
  const call = (key: string): Node => ({
    key,
    type: 'http.request',
    params: {
      method: 'POST',
      url: `http://127.0.0.1:${oracle.port}/`,
      query: { run: '{{ input.run }}', step: key },
      headers: { 'x-secret': '{{ secrets.CHAOS }}' },
      timeoutMs: 10_000,
    },
    // The network to the oracle is not what is tested: only its own silence while Studio restarts.
    retry: { maxAttempts: 5, backoffMs: 50 },
  });
  const end: Node = { key: 'last', type: 'set', params: { values: { done: '{{ input.run }}' } } };
  const command: Node = {
    key: 'command',
    type: 'command',
    params: {
      // One append of one short line is atomic; the clock is the one that the kills are stamped with.
      script:
        'id=c$(od -An -N8 -tx8 /dev/urandom | tr -d " "); echo "$RUN command $id $(date +%s%3N)" >> "$ORACLE"; sleep 0.0$((RANDOM % 9)); echo "{\\"execution\\":\\"$id\\"}"',
      shell: '/bin/bash',
      env: { RUN: '{{ input.run }}', ORACLE: oracle.file },
      parse: 'json',
    },
  };
  const timer: Node = { key: 'pause', type: 'wait.timer', params: { durationMs: 300 } };
  const write: Node = { key: 'keep', type: 'file.write', params: { path: 'chaos/{{ input.run }}.txt', content: '{{ input.run }}' } };
  const read: Node = { key: 'fetch', type: 'file.read', params: { path: 'chaos/{{ input.run }}.txt', as: 'text' } };
  return [
    { name: 'chain', definition: chain([call('a'), call('b'), call('c'), end]) },
    { name: 'commands', definition: chain([call('a'), command, call('b'), end]) },
    { name: 'files', definition: chain([call('a'), write, read, { ...end, params: { values: { done: '{{ steps.fetch.output.content }}' } } }]) },
    { name: 'timer', definition: chain([call('a'), timer, call('b'), end]) },
    {
      name: 'fan-out',
      definition: {
        nodes: [{ key: 'first', type: 'noop' }, call('a'), call('b'), call('c'), { key: 'join', type: 'merge', params: { mode: 'all' } }, end],
        edges: [
          ...['a', 'b', 'c'].flatMap((key) => [
            { from: 'first', to: key },
            { from: key, to: 'join' },
          ]),
          { from: 'join', to: 'last' },
        ],
      },
    },
  ];
}

function chain(nodes: Node[]): ChaosWorkflow['definition'] {
  return { nodes, edges: nodes.slice(1).map((node, index) => ({ from: nodes[index]?.key ?? '', to: node.key })) };
}
