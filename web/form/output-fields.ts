/** What the outputs of node types hold, for those that have not run yet: a small table, others offer their output alone. */

const FIELDS: Readonly<Record<string, readonly string[]>> = {
  template: ['text'],
  'branch.if': ['result'],
  'branch.switch': ['port', 'reason'],
  merge: ['from'],
  map: ['items', 'failed'],
  loop: ['iterations', 'output'],
  'wait.timer': ['waitedMs'],
  log: ['message'],
  'http.request': ['status', 'headers', 'body'],
  poll: ['status', 'headers', 'body', 'attempts'],
  notify: ['notifications', 'deliveries'],
  command: ['exitCode', 'stdout', 'stderr', 'artifacts', 'result'],
  'llm.chat': ['text', 'json', 'toolCalls', 'usage', 'model', 'finish'],
  embed: ['vectors', 'dimensions', 'model', 'usage'],
  'model.download': ['modelId', 'name', 'bytes', 'files'],
  'file.read': ['path', 'bytes', 'content'],
  'file.write': ['path', 'bytes', 'sha256'],
};

export function outputFields(type: string): readonly string[] {
  return FIELDS[type] ?? [];
}
