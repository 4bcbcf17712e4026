/** Commands on definitions: publish, draft, archive, restore. Each is one transaction with its event. */
import type { Json } from '../contract/endpoint.ts';
import type { Definition, Problem } from '../contract/graph.ts';
import type { Role } from '../contract/values.ts';
import { fail } from '../kernel/fail.ts';
import type { Sql } from '../store/client.ts';
import { listLiveInstances } from '../store/instances.ts';
import { draftEtag, saveDraft as saveDraftRow } from '../store/workflow-drafts.ts';
import { tagWorkflow as tagRow } from '../store/workflow-tags.ts';
import { insertVersion, readVersion, updateVersion } from '../store/workflow-versions.ts';
import {
  archiveWorkflow as archiveRow,
  insertWorkflow,
  publishWorkflow as publishRow,
  readWorkflowHead,
  unarchiveWorkflow as unarchiveRow,
  workflowEtag,
  type WorkflowHead,
} from '../store/workflows.ts';
import type { Core } from './core.ts';
import { structuralHash } from './structural-hash.ts';
import { syncTriggers } from './trigger-rows.ts';
import { FORBIDDEN_TYPE } from './validate-nodes.ts';
import { outerProblems, type Subject } from './validate-outer.ts';
import { checkDefinition } from './validate.ts';
import { forgetVersion } from './versions.ts';

/** On whose behalf a definition changes. */
export interface Publisher {
  readonly orgId: string;
  readonly userId: string;
  readonly role: Role;
  readonly requestId: string;
}

export interface WorkflowContent {
  readonly name: string;
  readonly description?: string | undefined;
  /** Undefined: as they are. */
  readonly tags?: readonly string[] | undefined;
  readonly definition: Definition;
}

/** Every fault of a definition, with what lies outside of its graph. @param subject on whose behalf, and of which workflow */
export async function problemsOf(core: Core, definition: Json, subject: Subject): Promise<readonly Problem[]> {
  const problems = checkDefinition(definition, { types: core.parts.nodeTypes, role: subject.role });
  if (problems.some(({ code }) => ['bad_shape', 'too_many_nodes', 'too_many_edges'].includes(code))) return problems;
  return [...problems, ...(await outerProblems(core, definition as unknown as Definition, subject))];
}

/** @throws AppError as `requireNone` */
async function requireValid(core: Core, definition: Definition, subject: Subject): Promise<void> {
  const problems = await problemsOf(core, definition as unknown as Json, subject);
  requireNone(problems);
}

/** @param remedy said where the graph is at fault  @throws AppError invalid_graph with one entry per problem; forbidden when rights are all that is missing */
export function requireNone(problems: readonly Problem[], remedy?: string): void {
  if (problems.length === 0) return;
  const named = problems.slice(0, 3).map((problem) => `${problem.path}: ${problem.message}`);
  const message = `${problems.length === 1 ? 'the workflow has a problem' : `the workflow has ${problems.length} problems`}: ${named.join('; ')}${problems.length > 3 ? '; …' : ''}${remedy === undefined ? '' : `; ${remedy}`}`;
  fail(problems.every((problem) => problem.code === FORBIDDEN_TYPE) ? 'forbidden' : 'invalid_graph', { message, details: { problems } });
}

/** Creates a workflow with version 1. @returns its id */
export async function createWorkflow(core: Core, request: Publisher & WorkflowContent & { readonly id: string }): Promise<string> {
  await requireValid(core, request.definition, request);
  await core.parts.database.engine.transaction(async (sql) => {
    const { orgId, definition } = request;
    const isNew = await insertWorkflow(sql, {
      orgId,
      workflowId: request.id,
      version: 1,
      definition,
      structuralHash: structuralHash(definition),
      publishedBy: request.userId,
      name: request.name,
      description: request.description ?? '',
      tags: distinctTags(request.tags ?? []),
      requestId: request.requestId,
    });
    // A second try of the same request finds what the first one made.
    if (isNew) await syncTriggers(sql, { orgId, workflowId: request.id, triggers: definition.triggers ?? [], nowMs: core.clock.now() });
  });
  published(core, request.id, 1);
  return request.id;
}

/** Publishes a definition; an unchanged structure keeps its number.
 *  @throws AppError not_found, stale_version, invalid_graph, forbidden */
export async function publishWorkflow(
  core: Core,
  request: Publisher & WorkflowContent & { readonly workflowId: string; readonly ifMatch: string | undefined },
): Promise<void> {
  // Before anything is judged: what is not there answers alike, whoever asks for it.
  const { orgId, workflowId } = request;
  if ((await readWorkflowHead(core.parts.database.engine, { orgId, id: workflowId, lock: false })) === undefined)
    fail('not_found', `there is no workflow ${workflowId}`);
  await requireValid(core, request.definition, request);
  const version = await core.parts.database.engine.transaction(async (sql) => {
    const head = await lockHead(sql, request);
    const etag = workflowEtag(head.revision);
    if (request.ifMatch === undefined)
      fail('stale_version', { message: `PUT needs the header If-Match with the workflow's ETag, now ${etag}`, details: { etag } });
    if (request.ifMatch !== '*' && request.ifMatch !== etag)
      fail('stale_version', {
        message: `workflow ${head.id} was published by someone else meanwhile: you changed ${request.ifMatch}, it is ${etag} now`,
        details: { etag },
      });
    return publishIn(sql, core, head, { ...request, description: request.description ?? head.description });
  });
  published(core, request.workflowId, version);
}

/** Publishes an old version again, as the newest. */
export async function restoreVersion(core: Core, request: Publisher & { readonly workflowId: string; readonly version: number }): Promise<void> {
  const { orgId, workflowId } = request;
  const old = await readVersion(core.parts.database.engine, { orgId, workflowId, version: request.version });
  if (old === undefined) fail('not_found', `workflow ${workflowId} has no version ${request.version}`);
  await requireValid(core, old.definition, request);
  const version = await core.parts.database.engine.transaction(async (sql) => {
    const head = await lockHead(sql, request);
    return publishIn(sql, core, head, { ...request, name: head.name, description: head.description, definition: old.definition });
  });
  published(core, workflowId, version);
}

async function lockHead(sql: Sql, request: { readonly orgId: string; readonly workflowId: string }): Promise<WorkflowHead> {
  const head = await readWorkflowHead(sql, { orgId: request.orgId, id: request.workflowId, lock: true });
  return head ?? fail('not_found', `there is no workflow ${request.workflowId}`);
}

async function publishIn(
  sql: Sql,
  core: Core,
  head: WorkflowHead,
  request: Publisher & { readonly name: string; readonly description: string; readonly tags?: readonly string[] | undefined; readonly definition: Definition },
): Promise<number> {
  const { orgId, definition, requestId, name, description } = request;
  const hash = structuralHash(definition);
  const isSame = hash === head.structuralHash;
  const version = isSame ? head.version : head.version + 1;
  const row = { orgId, workflowId: head.id, version, definition, structuralHash: hash, publishedBy: request.userId };
  await (isSame ? updateVersion(sql, row) : insertVersion(sql, row));
  const tags = request.tags === undefined ? undefined : distinctTags(request.tags);
  await publishRow(sql, { orgId, workflowId: head.id, version, name, description, tags, requestId });
  await syncTriggers(sql, { orgId, workflowId: head.id, triggers: definition.triggers ?? [], nowMs: core.clock.now() });
  return version;
}

function published(core: Core, workflowId: string, version: number): void {
  forgetVersion(core, workflowId, version);
  core.parts.database.announce();
  core.parts.onTriggersChanged?.();
}

/** Drafts are kept as they are typed; the limit keeps a row readable. */
const MAX_DRAFT_BYTES = 4 * 1024 * 1024;

export async function saveDraft(
  core: Core,
  request: { readonly orgId: string; readonly workflowId: string; readonly draft: Json; readonly ifMatch: string | undefined; readonly requestId: string },
): Promise<{ readonly etag: string; readonly savedAt: Date }> {
  const bytes = Buffer.byteLength(JSON.stringify(request.draft));
  if (bytes > MAX_DRAFT_BYTES) fail('too_large', `the draft has ${bytes} bytes, the limit is ${MAX_DRAFT_BYTES}`);
  const saved = await core.parts.database.engine.transaction(async (sql) => {
    const head = await lockHead(sql, request);
    const etag = draftEtag(head.draftRevision);
    if (request.ifMatch !== undefined && request.ifMatch !== '*' && request.ifMatch !== etag) {
      fail('stale_version', {
        message: `the draft of ${head.id} was saved by someone else meanwhile: you changed ${request.ifMatch}, it is ${etag} now`,
        details: { etag },
      });
    }
    return saveDraftRow(sql, request);
  });
  core.parts.database.announce();
  return { etag: draftEtag(saved.revision), savedAt: saved.savedAt };
}

const CANCEL_BITE = 1_000;

/** Archives a workflow. Live instances are cancelled when asked for, else they are the reason to refuse.
 *  @param cancel cancels one instance, wherever it lives */
export async function archiveWorkflow(
  core: Core,
  request: { readonly orgId: string; readonly workflowId: string; readonly cancel: boolean; readonly requestId: string },
  cancel: (instanceId: string) => Promise<void>,
): Promise<void> {
  const sql = core.parts.database.engine;
  if (request.cancel) {
    for (;;) {
      const ids = await listLiveInstances(sql, { ...request, limit: CANCEL_BITE });
      if (ids.length === 0) break;
      await Promise.all(ids.map(cancel));
    }
  }
  await sql.transaction(async (tx) => {
    await lockHead(tx, request);
    const live = await listLiveInstances(tx, { ...request, limit: 5 });
    if (live.length > 0)
      fail('still_running', {
        message: `workflow ${request.workflowId} has live instances (${live.join(', ')}${live.length === 5 ? ', …' : ''}); wait, or archive with ?cancel=true`,
        details: { instances: live },
      });
    await archiveRow(tx, request);
  });
  core.parts.database.announce();
}

/** Takes a workflow back out of the archive: its triggers stand as they did, those on a schedule from now on.
 *  @throws AppError not_found (also after 30 days); conflict when it is not archived */
export async function unarchiveWorkflow(core: Core, request: Omit<Publisher, 'userId' | 'role'> & { readonly workflowId: string }): Promise<void> {
  const { orgId, workflowId } = request;
  await core.parts.database.engine.transaction(async (sql) => {
    const head = await lockHead(sql, request);
    if (!(await unarchiveRow(sql, request))) fail('conflict', `workflow ${workflowId} is not archived; there is nothing to take back`);
    const version = await readVersion(sql, { orgId, workflowId, version: head.version });
    await syncTriggers(sql, { orgId, workflowId, triggers: version?.definition.triggers ?? [], nowMs: core.clock.now() });
  });
  core.parts.database.announce();
  core.parts.onTriggersChanged?.();
}

/** @returns the tags as they are kept  @throws AppError not_found */
export async function tagWorkflow(
  core: Core,
  request: { readonly orgId: string; readonly workflowId: string; readonly tags: readonly string[]; readonly requestId: string },
): Promise<readonly string[]> {
  const tags = distinctTags(request.tags);
  if (!(await core.parts.database.engine.transaction((sql) => tagRow(sql, { ...request, tags }))))
    fail('not_found', `there is no workflow ${request.workflowId}`);
  core.parts.database.announce();
  return tags;
}

/** Each once, whatever its case, in the order given. */
function distinctTags(tags: readonly string[]): readonly string[] {
  const known = new Map<string, string>();
  for (const tag of tags.map((one) => one.normalize('NFC'))) if (!known.has(tag.toLowerCase())) known.set(tag.toLowerCase(), tag);
  return [...known.values()];
}
