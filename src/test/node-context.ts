/** What a node type's unit test hands to `run`. */
import type { NodeContext } from '../nodes/kit.ts';

/** A context without ports: what a pure type may use. Lines of its log are kept in `lines`. */
export function nodeContext(overrides: Partial<NodeContext> = {}): NodeContext & { readonly lines: string[] } {
  const lines: string[] = [];
  const unused = (): never => {
    throw new Error('not used by this type');
  };
  const context: NodeContext & { readonly lines: string[] } = {
    orgId: 'org_1',
    workflowId: 'wf_1',
    instanceId: 'inst_1',
    path: 'step',
    generation: 1,
    attempt: 1,
    idempotencyKey: 'inst_1/step/1',
    details: undefined,
    state: undefined,
    elapsedMs: 0,
    startedByUser: undefined,
    heartbeat: unused,
    progress: unused,
    evaluate: unused,
    faultsOf: unused,
    signal: new AbortController().signal,
    scope: { input: {}, steps: {} },
    from: [],
    log: (line) => void lines.push(line),
    files: { read: unused, write: unused },
    http: { request: unused },
    sandbox: { run: unused },
    notify: { send: unused },
    models: { chat: unused, embed: unused },
    downloads: { bring: unused },
    lines,
  };
  return Object.assign(context, overrides);
}
