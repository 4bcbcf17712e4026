/** Every page of the UI by its path, for tests and pictures: a page that is not here is looked at by nobody. */

/** What the pages of single things show. */
export interface ShownThings {
  readonly workflowId: string;
  readonly instanceId: string;
  /** A node of the workflow that the instance ran. */
  readonly node: string;
  readonly jobId?: string;
}

/** @returns paths below the UI's base, the plain pages first */
export function pagePaths({ workflowId, instanceId, node, jobId }: ShownThings): readonly string[] {
  return [
    '/',
    '/workflows',
    `/workflows/${workflowId}`,
    `/workflows/${workflowId}?node=${node}`,
    `/workflows/${workflowId}?tab=editor`,
    `/workflows/${workflowId}?tab=versions`,
    `/workflows/${workflowId}?tab=triggers`,
    `/workflows/${workflowId}?tab=instances`,
    '/instances',
    '/approvals',
    `/instances/${instanceId}`,
    `/instances/${instanceId}?tab=steps`,
    `/instances/${instanceId}?tab=timeline`,
    `/instances/${instanceId}?tab=result`,
    `/instances/${instanceId}?tab=events`,
    `/instances/${instanceId}?step=${node}`,
    `/instances/${instanceId}?step=${node}&pane=log`,
    `/instances/${instanceId}?step=${node}&pane=attempts`,
    `/instances/${instanceId}/compare/${instanceId}`,
    `/run/${workflowId}`,
    `/run/${workflowId}?run=${instanceId}`,
    '/jobs',
    ...(jobId === undefined ? [] : [`/jobs/${jobId}`, `/jobs/${jobId}?tab=metrics`, `/jobs/${jobId}?tab=artifacts`]),
    '/queues',
    '/workers',
    '/models',
    '/model-usage',
    '/model-access',
    '/gpus',
    '/services',
    '/services?service=postgres',
    '/idle',
    '/costs',
    '/monitoring',
    '/alerts',
    '/logs',
    '/files',
    '/notifications',
    '/notifications/deliveries',
    '/settings',
    '/settings/devices',
    '/settings/keys',
    '/settings/secrets',
    '/settings/credentials',
    '/settings/members',
    '/settings/triggers',
    '/settings/audit',
    '/settings/storage',
    '/settings/backups',
    '/settings/orgs',
    '/settings/system',
    '/settings/configuration',
    '/settings/compliance',
    '/no/such/page',
  ];
}
