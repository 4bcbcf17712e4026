/** Workflows in memory, each with one version, and on whose behalf they run. */
import type { Part } from './answers.ts';
import type { Rows } from './rows.ts';

export function workflowAnswers(rows: Rows): Part<'readRunnableHead' | 'readVersion' | 'readPrincipalRole'> {
  return {
    readPrincipalRole: () => 'super_admin',
    readRunnableHead({ id }) {
      const workflow = rows.workflows.get(id);
      return workflow === undefined ? undefined : { name: workflow.name, version: 1, isArchived: false };
    },
    readVersion({ workflowId, version }) {
      const workflow = rows.workflows.get(workflowId);
      if (workflow === undefined) return undefined;
      return { version, structuralHash: '', publishedBy: 'user_sim', createdAt: new Date(0).toISOString(), definition: workflow.definition };
    },
  };
}
