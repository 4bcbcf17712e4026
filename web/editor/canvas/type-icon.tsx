/** The icon of a node type: its own where it has one, else its category's. A picture beside the type's name, never instead of it. */
import {
  Bell,
  Binary,
  Braces,
  Circle,
  Code,
  Cpu,
  Download,
  FilePen,
  FileText,
  GitBranch,
  Globe,
  Layers,
  Merge,
  MessageSquare,
  OctagonX,
  Repeat,
  RefreshCw,
  ScrollText,
  Split,
  Square,
  Terminal,
  Timer,
  TriangleAlert,
  Type,
  UserCheck,
  Webhook,
  Workflow,
} from 'lucide-preact';
import type { LucideIcon } from 'lucide-preact';
import type { JSX } from 'preact';
import type { NodeTypeView } from '../../../src/contract/node-types.ts';

type Category = NodeTypeView['category'];

const ofCategory: Readonly<Record<Category, LucideIcon>> = { flow: GitBranch, data: Braces, network: Globe, files: FileText, code: Code, machine: Cpu };

const ofType: Readonly<Record<string, LucideIcon>> = {
  approval: UserCheck,
  'branch.switch': Split,
  command: Terminal,
  embed: Binary,
  fail: OctagonX,
  'file.write': FilePen,
  'llm.chat': MessageSquare,
  log: ScrollText,
  loop: Repeat,
  map: Layers,
  merge: Merge,
  'model.download': Download,
  noop: Circle,
  notify: Bell,
  poll: RefreshCw,
  stop: Square,
  template: Type,
  'wait.timer': Timer,
  'wait.webhook': Webhook,
  'workflow.call': Workflow,
};

export function TypeIcon(props: { readonly type: string; readonly category: Category | undefined }): JSX.Element {
  const own = Object.hasOwn(ofType, props.type) ? ofType[props.type] : undefined;
  const Icon = own ?? (props.category === undefined ? TriangleAlert : ofCategory[props.category]);
  return (
    <span class="card-icon" aria-hidden="true">
      <Icon size={14} />
    </span>
  );
}
