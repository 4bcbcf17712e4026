/** What people who come from other systems call the node types: words that find them where types are searched. Pure. */

const words: Readonly<Record<string, string>> = {
  approval: 'human review confirm sign-off form user task manual gate',
  'branch.if': 'condition decision else filter gateway',
  'branch.switch': 'condition decision case router route',
  'code.js': 'code function script javascript node transform lambda',
  'code.python': 'code function script transform lambda py gpu pytorch job',
  command: 'shell bash exec execute script job gpu container ffmpeg comfyui cli run',
  embed: 'embedding vector rag semantic',
  fail: 'error throw raise abort stop',
  'file.read': 'load open csv json artifact input image',
  'file.write': 'save export csv json artifact upload',
  'http.request': 'api rest fetch get post url curl webhook call',
  'llm.chat': 'ai gpt llm prompt chat completion agent generate vision image summarise summarize',
  log: 'print console debug message',
  loop: 'while repeat until iterate again',
  map: 'foreach for each iterate loop parallel batch split items fan-out subflow',
  merge: 'join wait all any fan-in gather sync',
  'model.download': 'huggingface hugging face pull weights',
  noop: 'pass start end placeholder empty dummy',
  notify: 'email e-mail mail slack alert message send webhook',
  poll: 'wait until retry watch sensor status',
  set: 'edit fields variables assign constant transform json',
  stop: 'end exit finish return terminate',
  template: 'text string format render prompt',
  'wait.timer': 'delay sleep pause timer until schedule',
  'wait.webhook': 'webhook callback resume signal event',
  'workflow.call': 'sub-workflow subworkflow subflow sub flow child execute workflow',
};

/** @returns more words that find the type; empty for one that has none */
export function wordsOfType(type: string): string {
  return words[type] ?? '';
}
