/** The map of the UI: every page's path, its place in the sidebar, and its chunk. A page is one row here and one folder below pages/. */
import { Activity, Boxes, CirclePlay, Cpu, FolderOpen, Gpu, Inbox, LayoutDashboard, Server, Settings, Workflow } from 'lucide-preact';
import type { ComponentType } from 'preact';
import { call } from '../api.ts';
import { askAhead } from '../state/ahead.ts';
import { nodeTypes } from '../state/node-types.ts';
import { isNarrow } from '../ui/narrow.ts';
import { settingsSections } from '../pages/settings/sections.ts';
import type { Role } from '../../src/contract/values.ts';

/** A page gets the `:names` of its path. */
export type PageComponent = ComponentType<{ readonly params: Readonly<Record<string, string>> }>;

export interface PageRow {
  /** Below the UI's base, as wouter matches it. */
  readonly path: string;
  readonly load: () => Promise<PageComponent>;
  /** Asks for what the page will show, while its chunk is loaded. */
  readonly ahead?: (params: Readonly<Record<string, string>>) => void;
  /** Only for administrators. */
  readonly admin?: true;
}

export interface NavRow {
  readonly path: string;
  readonly title: string;
  readonly icon: typeof Settings;
  readonly keys: string;
  /** More words that find it in the palette. */
  readonly words?: string;
  /** Pages that belong below it: found in the palette; it is marked while one of them is shown. */
  readonly parts?: readonly { readonly path: string; readonly title: string; readonly words?: string; readonly role?: Role }[];
}

export const navigation: readonly NavRow[] = [
  { path: '/', title: 'Overview', icon: LayoutDashboard, keys: 'g o', words: 'home dashboard health machine gpu' },
  { path: '/workflows', title: 'Workflows', icon: Workflow, keys: 'g w', words: 'graphs flows definitions triggers' },
  { path: '/instances', title: 'Instances', icon: CirclePlay, keys: 'g i', words: 'runs executions history' },
  { path: '/approvals', title: 'Approvals', icon: Inbox, keys: 'g a', words: 'inbox decide approve reject waiting for me' },
  {
    path: '/jobs',
    title: 'Jobs',
    icon: Cpu,
    keys: 'g j',
    words: 'slots commands logs',
    parts: [
      { path: '/queues', title: 'Queues', words: 'slots pause drain' },
      { path: '/workers', title: 'Workers', words: 'processes alive' },
    ],
  },
  {
    path: '/models',
    title: 'Models',
    icon: Boxes,
    keys: 'g m',
    words: 'llm gguf download hugging face chat inference',
    parts: [
      { path: '/model-usage', title: 'Model usage', words: 'tokens requests who' },
      { path: '/model-access', title: 'Model names and limits', words: 'aliases visible limits' },
    ],
  },
  { path: '/gpus', title: 'GPUs', icon: Gpu, keys: 'g g', words: 'devices memory vram utilisation cards' },
  {
    path: '/services',
    title: 'Services',
    icon: Server,
    keys: 'g v',
    words: 'comfyui jupyter tensorboard postgres redis',
    parts: [
      { path: '/idle', title: 'Idle machine', words: 'stop pod awake' },
      { path: '/costs', title: 'Costs', words: 'price money hour' },
    ],
  },
  {
    path: '/monitoring',
    title: 'Monitoring',
    icon: Activity,
    keys: 'g n',
    words: 'charts history cpu memory disk metrics prometheus grafana',
    parts: [
      { path: '/alerts', title: 'Alerts', words: 'alarm warning incident notify' },
      { path: '/logs', title: 'Logs', words: 'log lines errors request trace level debug', role: 'super_admin' },
    ],
  },
  { path: '/files', title: 'Files', icon: FolderOpen, keys: 'g f', words: 'upload storage' },
  {
    path: '/settings',
    title: 'Settings',
    icon: Settings,
    keys: 'g s',
    words: 'account password theme',
    parts: settingsSections
      .filter(({ id }) => id !== '')
      .map(({ id, title, words, role }) => ({ path: `/settings/${id}`, title: `Settings: ${title}`, words, role })),
  },
];

export const pages: readonly PageRow[] = [
  { path: '/', load: async () => (await import('../pages/overview/overview.tsx')).OverviewPage },
  { path: '/workflows', load: async () => (await import('../pages/workflows/workflows.tsx')).WorkflowsPage },
  { path: '/workflows/:id', load: async () => (await import('../pages/workflows/workflow.tsx')).WorkflowPage },
  { path: '/workflows/:id/forms/:key', load: async () => (await import('../pages/workflows/form.tsx')).FormPage },
  { path: '/instances', load: async () => (await import('../pages/instances/instances.tsx')).InstancesPage },
  { path: '/instances/:id/compare/:other', load: async () => (await import('../pages/instances/compare.tsx')).ComparePage },
  { path: '/run/:id', load: async () => (await import('../pages/run/run.tsx')).RunPage },
  {
    path: '/instances/:id',
    load: async () => (await import('../pages/instances/instance.tsx')).InstancePage,
    ahead: ({ id = '' }) => {
      askAhead(`instance ${id}`, () => call('GET /api/v1/instances/{id}/view', { params: { id } }));
      if (window.location.search.includes('tab=')) return;
      nodeTypes().catch(() => undefined);
      // The drawing is what one sees first, where there is room for it.
      if (!isNarrow.value) import('../graph/graph-view.tsx').catch(() => undefined);
    },
  },
  { path: '/approvals', load: async () => (await import('../pages/approvals/approvals.tsx')).ApprovalsPage },
  { path: '/jobs', load: async () => (await import('../pages/jobs/jobs.tsx')).JobsPage },
  { path: '/jobs/:id', load: async () => (await import('../pages/jobs/job.tsx')).JobPage },
  { path: '/queues', load: async () => (await import('../pages/jobs/queues.tsx')).QueuesPage },
  { path: '/workers', load: async () => (await import('../pages/jobs/workers.tsx')).WorkersPage },
  { path: '/models', load: async () => (await import('../pages/models/models.tsx')).ModelsPage },
  { path: '/model-usage', load: async () => (await import('../pages/models/usage.tsx')).ModelUsagePage },
  { path: '/model-access', load: async () => (await import('../pages/models/access.tsx')).ModelAccessPage },
  { path: '/gpus', load: async () => (await import('../pages/gpus/gpus.tsx')).GpusPage },
  { path: '/services', load: async () => (await import('../pages/services/services.tsx')).ServicesPage },
  { path: '/idle', load: async () => (await import('../pages/services/idle.tsx')).IdlePage },
  { path: '/costs', load: async () => (await import('../pages/services/costs.tsx')).CostsPage },
  { path: '/monitoring', load: async () => (await import('../pages/monitoring/monitoring.tsx')).MonitoringPage },
  { path: '/alerts', load: async () => (await import('../pages/monitoring/alerts.tsx')).AlertsPage },
  { path: '/logs', load: async () => (await import('../pages/monitoring/logs.tsx')).LogsPage },
  { path: '/files', load: async () => (await import('../pages/files/files.tsx')).FilesPage },
  { path: '/notifications/:section?', load: async () => (await import('../pages/notifications/notifications.tsx')).NotificationsPage },
  { path: '/settings/:section?', load: async () => (await import('../pages/settings/settings.tsx')).SettingsPage },
];
