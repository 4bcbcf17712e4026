/** Rules and steps that tell people: refuses what could never be sent when a workflow is saved, not at night when it fails. Pure. */
import type { Definition, GraphNode, Problem } from '../contract/graph.ts';
import { notifyTarget } from '../contract/notifications.ts';
import type { EngineNotify } from './tell.ts';

/** @param nodes all of the definition, those in bodies included, with their places */
export function notifyProblems(
  notify: Pick<EngineNotify, 'faultOf'> | undefined,
  definition: Definition,
  nodes: readonly { readonly node: GraphNode; readonly path: string }[],
): readonly Problem[] {
  if (notify === undefined) return [];
  const ofRules = (definition.settings?.notify ?? []).flatMap(({ on: _on, ...target }, index): readonly Problem[] => {
    const fault = notify.faultOf(target);
    return fault === undefined ? [] : [{ path: `settings.notify[${index}].${fault.field}`, code: fault.code, message: fault.message }];
  });
  const ofNodes = nodes.flatMap(({ node, path }): readonly Problem[] => {
    // Whether the rest of it makes sense, its own check tells; what is computed, the run.
    const target = node.type === 'notify' ? notifyTarget.safeParse({ channel: node.params?.['channel'] }) : undefined;
    const fault = target?.data === undefined || target.data.channel === 'webhook' ? undefined : notify.faultOf(target.data);
    return fault === undefined ? [] : [{ node: node.key, path: `${path}.params.${fault.field}`, code: fault.code, message: fault.message }];
  });
  return [...ofRules, ...ofNodes];
}
