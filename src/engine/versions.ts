/** Loads and compiles versions of workflows, once each. */
import { fail } from '../kernel/fail.ts';
import type { Core, LoadedVersion } from './core.ts';
import { credentialsOf } from './credentials.ts';
import { compileGraph } from './graph.ts';

const CACHE_SIZE = 500;

export async function loadVersion(
  core: Core,
  version: { readonly orgId: string; readonly workflowId: string; readonly version: number },
): Promise<LoadedVersion> {
  const key = `${version.workflowId} ${version.version}`;
  const known = core.graphs.get(key);
  if (known !== undefined) return known;
  const stored = await core.store.readVersion(version);
  if (stored === undefined) fail('not_found', `workflow ${version.workflowId} has no version ${version.version}`);
  const { definition, publishedBy: principal } = stored;
  const { nodeTypes } = core.parts;
  const loaded: LoadedVersion = { graph: compileGraph(definition, nodeTypes), definition, principal, credentials: credentialsOf(definition, nodeTypes) };
  if (core.graphs.size >= CACHE_SIZE) core.graphs.clear();
  core.graphs.set(key, loaded);
  return loaded;
}

/** A publish may have changed what does not belong to the structure. */
export function forgetVersion(core: Core, workflowId: string, version: number): void {
  core.graphs.delete(`${workflowId} ${version}`);
}
