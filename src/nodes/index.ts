/** The list of node types: adding one is a folder and a line here. */
import { approval } from './approval/node.ts';
import { branchIf } from './branch-if/node.ts';
import { branchSwitch } from './branch-switch/node.ts';
import { codeJs } from './code-js/node.ts';
import { codePython } from './code-python/node.ts';
import { command } from './command/node.ts';
import { embed } from './embed/node.ts';
import { fail } from './fail/node.ts';
import { fileRead } from './file-read/node.ts';
import { fileWrite } from './file-write/node.ts';
import type { NodeType, NodeTypes } from './kit.ts';
import { httpRequest } from './http-request/node.ts';
import { llmChat } from './llm-chat/node.ts';
import { log } from './log/node.ts';
import { loop } from './loop/node.ts';
import { map } from './map/node.ts';
import { merge } from './merge/node.ts';
import { modelDownload } from './model-download/node.ts';
import { noop } from './noop/node.ts';
import { notify } from './notify/node.ts';
import { poll } from './poll/node.ts';
import { set } from './set/node.ts';
import { stop } from './stop/node.ts';
import { template } from './template/node.ts';
import { waitTimer } from './wait-timer/node.ts';
import { waitWebhook } from './wait-webhook/node.ts';
import { workflowCall } from './workflow-call/node.ts';

const list: readonly NodeType[] = [
  noop,
  set,
  template,
  branchIf,
  branchSwitch,
  merge,
  map,
  loop,
  workflowCall,
  waitTimer,
  waitWebhook,
  approval,
  stop,
  fail,
  log,
  httpRequest,
  poll,
  notify,
  fileRead,
  fileWrite,
  llmChat,
  embed,
  codeJs,
  codePython,
  command,
  modelDownload,
];

/** Every node type, by name. */
export const nodeTypes: NodeTypes = new Map(list.map((type) => [type.type, type]));
