/** The list of workflows, and one workflow. */
import { call } from '../api.ts';
import type { Workflow } from '../../src/contract/workflows.ts';
import { live } from '../connection.ts';
import { nextFrame } from './frame.ts';
import { withLastInstance } from './list-events.ts';
import type { WorkflowList } from './list-events.ts';
import { createSnapshot } from './snapshot.ts';
import type { Snapshot } from './snapshot.ts';

export interface Workflows extends Snapshot<WorkflowList> {
  more(): Promise<void>;
}

const PAGE = 100;

export function createWorkflows(search: string, orgId: string): Workflows {
  const query = search === '' ? {} : { search };
  const snapshot = createSnapshot<WorkflowList>({
    load: async (signal) => {
      const page = await call('GET /api/v1/workflows', { query: { ...query, limit: PAGE }, signal });
      return { value: { workflows: page.items, next: page.next }, cursor: page.cursor };
    },
    rooms: [`org:${orgId}`],
    apply: (list, event) =>
      event.entity_kind === 'workflow' && event.event_type !== 'workflows:trigger:changed' ? 'reload' : { value: withLastInstance(list, event) },
    live,
    soon: nextFrame,
  });
  return {
    ...snapshot,
    async more() {
      const next = snapshot.value.value?.next;
      if (next === null || next === undefined) return;
      const page = await call('GET /api/v1/workflows', { query: { ...query, limit: PAGE, after: next } });
      snapshot.change((list) => (list.next === next ? { workflows: [...list.workflows, ...page.items], next: page.next } : list));
    },
  };
}

/** They change nothing of what a version, or the workflow around it, says. */
const PASSING: ReadonlySet<string> = new Set(['workflows:workflow:draft_saved', 'workflows:editors:changed']);

/** One workflow with its newest version. */
export function createWorkflow(id: string): Snapshot<Workflow> {
  return createSnapshot<Workflow>({
    load: async (signal) => {
      const workflow = await call('GET /api/v1/workflows/{id}', { params: { id }, signal });
      return { value: workflow, cursor: workflow.cursor };
    },
    rooms: [`workflow:${id}`],
    apply: (workflow, event) => {
      if (event.entity_kind === 'workflow' && event.entity_id === id && event.sequence > workflow.seq && !PASSING.has(event.event_type)) return 'reload';
      if (!event.event_type.startsWith('engine:instance:')) return { value: workflow };
      const list = withLastInstance({ workflows: [workflow], next: null }, event);
      return { value: { ...workflow, lastInstance: list.workflows[0]?.lastInstance ?? null } };
    },
    live,
    soon: nextFrame,
  });
}
