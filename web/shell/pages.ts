/** The map of the UI: every page's path, its place in the sidebar, and its chunk. A page is one row here and one folder below pages/. */
import { Boxes, CirclePlay, Cpu, FolderOpen, Gpu, Inbox, LayoutDashboard, Server, Settings, Workflow } from 'lucide-preact';
import type { ComponentType } from 'preact';

/** A page gets the `:names` of its path. */
export type PageComponent = ComponentType<{ readonly params: Readonly<Record<string, string>> }>;

export interface PageRow {
  /** Below the UI's base, as wouter matches it. */
  readonly path: string;
  readonly load: () => Promise<PageComponent>;
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
}

export const navigation: readonly NavRow[] = [
  { path: '/', title: 'Overview', icon: LayoutDashboard, keys: 'g o', words: 'home dashboard health machine gpu' },
  { path: '/workflows', title: 'Workflows', icon: Workflow, keys: 'g w', words: 'graphs flows definitions triggers' },
  { path: '/instances', title: 'Instances', icon: CirclePlay, keys: 'g i', words: 'runs executions history' },
  { path: '/approvals', title: 'Approvals', icon: Inbox, keys: 'g a', words: 'inbox decide approve reject waiting for me' },
  { path: '/jobs', title: 'Jobs', icon: Cpu, keys: 'g j', words: 'queues slots commands logs' },
  { path: '/models', title: 'Models', icon: Boxes, keys: 'g m', words: 'llm gguf download hugging face chat inference' },
  { path: '/gpus', title: 'GPUs', icon: Gpu, keys: 'g g', words: 'devices memory vram utilisation cards' },
  { path: '/services', title: 'Services', icon: Server, keys: 'g v', words: 'comfyui jupyter tensorboard postgres redis idle cost price pod' },
  { path: '/files', title: 'Files', icon: FolderOpen, keys: 'g f', words: 'upload storage' },
  { path: '/settings', title: 'Settings', icon: Settings, keys: 'g s', words: 'account password keys secrets members system' },
];

export const pages: readonly PageRow[] = [
  { path: '/', load: async () => (await import('../pages/overview/overview.tsx')).OverviewPage },
  { path: '/workflows', load: async () => (await import('../pages/workflows/workflows.tsx')).WorkflowsPage },
  { path: '/workflows/:id', load: async () => (await import('../pages/workflows/workflow.tsx')).WorkflowPage },
  { path: '/workflows/:id/forms/:key', load: async () => (await import('../pages/workflows/form.tsx')).FormPage },
  { path: '/instances', load: async () => (await import('../pages/instances/instances.tsx')).InstancesPage },
  { path: '/instances/:id', load: async () => (await import('../pages/instances/instance.tsx')).InstancePage },
  { path: '/approvals', load: async () => (await import('../pages/approvals/approvals.tsx')).ApprovalsPage },
  { path: '/jobs', load: async () => (await import('../pages/jobs/jobs.tsx')).JobsPage },
  { path: '/jobs/:id', load: async () => (await import('../pages/jobs/job.tsx')).JobPage },
  { path: '/queues', load: async () => (await import('../pages/jobs/queues.tsx')).QueuesPage },
  { path: '/workers', load: async () => (await import('../pages/jobs/workers.tsx')).WorkersPage },
  { path: '/models', load: async () => (await import('../pages/models/models.tsx')).ModelsPage },
  { path: '/gpus', load: async () => (await import('../pages/gpus/gpus.tsx')).GpusPage },
  { path: '/services', load: async () => (await import('../pages/services/services.tsx')).ServicesPage },
  { path: '/idle', load: async () => (await import('../pages/services/idle.tsx')).IdlePage },
  { path: '/costs', load: async () => (await import('../pages/services/costs.tsx')).CostsPage },
  { path: '/files', load: async () => (await import('../pages/files/files.tsx')).FilesPage },
  { path: '/notifications/:section?', load: async () => (await import('../pages/notifications/notifications.tsx')).NotificationsPage },
  { path: '/settings/:section?', load: async () => (await import('../pages/settings/settings.tsx')).SettingsPage },
];
