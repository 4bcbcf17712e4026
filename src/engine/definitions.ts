/** Definitions beside publishing: compares versions, makes documents of them and workflows of documents. Runs nothing: what is brought in has its triggers off, and is judged as anything that is
 *  published. */
import type { DefinitionDiff, WorkflowDocument } from '../contract/definitions.ts';
import type { Json } from '../contract/endpoint.ts';
import { definition as definitionShape, type Definition, type Problem } from '../contract/graph.ts';
import { fail } from '../kernel/fail.ts';
import { readVersion } from '../store/workflow-versions.ts';
import { findWorkflows, findWorkflowsByName, readWorkflowHead, type WorkflowHead } from '../store/workflows.ts';
import type { Core } from './core.ts';
import { credentialRefs, remapCredentials } from './credential-refs.ts';
import { diffDefinitions } from './definition-diff.ts';
import { calledIds, documentOf, remapCalls, withTriggersOff, type Remapped } from './portable.ts';
import { shapeProblems } from './validate-shape.ts';
import { createWorkflow, problemsOf, requireNone, saveDraft, type Publisher } from './workflow-commands.ts';

export interface ImportRequest extends Publisher {
  /** Of the workflow to be made. */
  readonly id: string;
  readonly document: WorkflowDocument;
  /** `draft`: what can't be published is kept as one. */
  readonly as: 'workflow' | 'draft';
  /** Only judges. */
  readonly dryRun: boolean;
}

export interface Imported {
  readonly workflowId: string | null;
  readonly name: string;
  readonly isDraft: boolean;
  readonly problems: readonly Problem[];
  readonly triggersOff: readonly string[];
  readonly remapped: readonly Remapped[];
  /** Of a dry run. */
  readonly document?: Pick<WorkflowDocument, 'name' | 'description' | 'definition'>;
}

/** @throws AppError invalid_graph, forbidden: with one entry per problem, unless a draft is wanted */
export async function importWorkflow(core: Core, request: ImportRequest): Promise<Imported> {
  const { document, orgId } = request;
  const { definition: off, turnedOff } = withTriggersOff(document.definition);
  const called = remapCalls(off, await knownByName(core, orgId, document), core.parts.nodeTypes);
  const { definition, remapped } = remapCredentials(called.definition, await credentialsByName(core, orgId, document), core.parts.nodeTypes);
  const problems = await problemsOf(core, definition, { orgId, userId: request.userId, role: request.role });
  const found = { name: document.name, problems, triggersOff: turnedOff, remapped: [...called.remapped, ...remapped] };
  if (request.dryRun) return { ...found, workflowId: null, isDraft: false, document: { name: document.name, description: document.description, definition } };
  const isDraft = problems.length > 0;
  if (isDraft && request.as === 'workflow') requireNone(problems, 'import it with ?as=draft to correct it here');
  const { name, description, tags } = document;
  await createWorkflow(core, { ...request, name, description, tags, definition: isDraft ? EMPTY : (definition as unknown as Definition) });
  if (isDraft)
    await saveDraft(core, { orgId, workflowId: request.id, draft: { name, description, definition }, ifMatch: undefined, requestId: request.requestId });
  return { ...found, workflowId: request.id, isDraft };
}

/** What stands as version 1 until the draft is published: a workflow always has a version. */
const EMPTY: Definition = { nodes: [{ key: 'start', type: 'noop', notes: 'Publish the draft to replace this.' }], edges: [] };

/** Ids that mean nothing here, each with the id of the one workflow of that name. */
async function knownByName(core: Core, orgId: string, document: WorkflowDocument): Promise<ReadonlyMap<string, string>> {
  const calls = document.calls ?? [];
  if (calls.length === 0) return new Map();
  const sql = core.parts.database.engine;
  const known = await findWorkflows(sql, { orgId, ids: calls.map(({ workflowId }) => workflowId) });
  const byName = await findWorkflowsByName(sql, { orgId, names: calls.map(({ name }) => name) });
  return new Map(
    calls.flatMap(({ workflowId, name }) => {
      const [only, ...others] = known.has(workflowId) ? [] : (byName.get(name) ?? []);
      return only === undefined || others.length > 0 ? [] : [[workflowId, only] as const];
    }),
  );
}

/** Credentials that mean nothing here, each with the id of the one that has its name and type. Whether it may be used, validation tells. */
async function credentialsByName(core: Core, orgId: string, document: WorkflowDocument): Promise<ReadonlyMap<string, string>> {
  const named = document.credentials ?? [];
  const { credentials } = core.parts;
  if (named.length === 0 || credentials === undefined) return new Map();
  const known = new Set((await credentials.namesOf({ orgId, ids: named.map(({ id }) => id) })).map(({ id }) => id));
  const here = await credentials.findByName({ orgId, names: named.map(({ name }) => name) });
  return new Map(
    named.flatMap(({ id, name, type }) => {
      const found = known.has(id) ? undefined : here.find((one) => one.type === type && one.name.toLowerCase() === name.toLowerCase());
      return found === undefined ? [] : [[id, found.id] as const];
    }),
  );
}

/** A version, or the draft, as a document. @throws AppError not_found, invalid_graph when the draft has not the shape of a definition */
export async function exportWorkflow(
  core: Core,
  request: { readonly orgId: string; readonly workflowId: string; readonly version: string | undefined },
): Promise<WorkflowDocument> {
  const { name, description, tags, definition } = await readDefinition(core, request);
  const ids = calledIds(definition, core.parts.nodeTypes);
  const called = ids.length === 0 ? new Map() : await findWorkflows(core.parts.database.engine, { orgId: request.orgId, ids });
  const named = [...new Set(credentialRefs(definition, core.parts.nodeTypes).map((ref) => ref.id))];
  const credentials = (await core.parts.credentials?.namesOf({ orgId: request.orgId, ids: named })) ?? [];
  const names = new Map([...called].map(([id, workflow]) => [id, workflow.name]));
  return documentOf({ name, description, tags, definition }, names, [...credentials]);
}

/** Makes a workflow of its own from the newest version. */
export async function copyWorkflow(
  core: Core,
  request: Publisher & { readonly id: string; readonly workflowId: string; readonly name: string | undefined },
): Promise<void> {
  const { name, description, tags, definition } = await readDefinition(core, { ...request, version: undefined });
  const { definition: off } = withTriggersOff(definition as unknown as Record<string, Json>);
  await createWorkflow(core, { ...request, name: request.name ?? copyName(name), description, tags, definition: off as unknown as Definition });
}

const MAX_NAME_CHARS = 200;

function copyName(name: string): string {
  return `Copy of ${name}`.slice(0, MAX_NAME_CHARS).toWellFormed().trim();
}

/** @param version a number, `draft`, or undefined: the newest */
async function readDefinition(
  core: Core,
  request: { readonly orgId: string; readonly workflowId: string; readonly version: string | undefined },
): Promise<{
  readonly version: string;
  readonly name: string;
  readonly description: string;
  readonly tags: readonly string[];
  readonly definition: Definition;
}> {
  const { orgId, workflowId } = request;
  const sql = core.parts.database.engine;
  const head = await readWorkflowHead(sql, { orgId, id: workflowId, lock: false });
  if (head === undefined) fail('not_found', `there is no workflow ${workflowId}`);
  const { name, description, tags } = head;
  if (request.version === 'draft') return { version: 'draft', name, description, tags, definition: draftDefinition(head) };
  const version = Number(request.version ?? head.version);
  const stored = version > head.version ? undefined : await readVersion(sql, { orgId, workflowId, version });
  if (stored === undefined) fail('not_found', `workflow ${workflowId} has no version ${version}; the newest is ${head.version}`);
  return { version: String(version), name, description, tags, definition: stored.definition };
}

function draftDefinition(head: WorkflowHead): Definition {
  const { draft } = head;
  if (typeof draft !== 'object' || draft === null || Array.isArray(draft)) return fail('not_found', `workflow ${head.id} has no draft`);
  const parsed = definitionShape.safeParse(draft['definition']);
  if (parsed.success) return parsed.data;
  const problems = [...shapeProblems(parsed.error.issues, draft['definition'] ?? null)];
  return fail('invalid_graph', {
    message: `the draft of ${head.id} has not the shape of a definition: ${problems[0]?.path ?? ''}: ${problems[0]?.message ?? ''}; correct it first`,
    details: { problems },
  });
}

/** What changed from one version to another. @param to default: the newest  @param from default: the one before `to` */
export async function diffVersions(
  core: Core,
  request: { readonly orgId: string; readonly workflowId: string; readonly from: string | undefined; readonly to: string | undefined },
): Promise<DefinitionDiff & { readonly from: string; readonly to: string }> {
  const to = await readDefinition(core, { ...request, version: request.to });
  const before = to.version === 'draft' ? undefined : String(Math.max(1, Number(to.version) - 1));
  const from = await readDefinition(core, { ...request, version: request.from ?? before });
  return { from: from.version, to: to.version, ...diffDefinitions(from.definition, to.definition, core.parts.nodeTypes) };
}
