/** Credentials where workflows meet them: judged when one is published, asked again when it starts, and opened for the one request that needs it,
 *  in the name of who published the version. Their values join the step's redaction before anything is sent. */
import type { Definition, GraphNode, Problem } from '../contract/graph.ts';
import type { Role } from '../contract/values.ts';
import { fail } from '../kernel/fail.ts';
import { mayCarry, type Binding } from '../kernel/egress-binding.ts';
import { NodeError, type NodeTypes } from '../nodes/kit.ts';
import type { HttpPort } from '../nodes/kit-ports.ts';
import type { Trial } from './attempt.ts';
import type { Core, LoadedVersion } from './core.ts';
import { credentialRefs, idsOf } from './credential-refs.ts';
import { patiently } from './patient.ts';
import { alsoHiding } from './redaction.ts';

/** Credentials, as the engine sees them. */
export interface EngineCredentials {
  /** Why these can't be used by somebody; empty: all can. Without a role it is read. */
  faultsOf(request: {
    readonly orgId: string;
    readonly user: { readonly userId: string | null; readonly role?: Role | undefined };
    readonly ids: readonly string[];
  }): Promise<readonly { readonly id: string; readonly code: string; readonly message: string }[]>;
  /** Judges again, then opens. @throws NodeError */
  open(request: {
    readonly orgId: string;
    readonly userId: string | null;
    readonly id: string;
  }): Promise<{ readonly binding: Binding; readonly made: readonly string[] }>;
  namesOf(request: { readonly orgId: string; readonly ids: readonly string[] }): Promise<readonly { id: string; name: string; type: string }[]>;
  findByName(request: { readonly orgId: string; readonly names: readonly string[] }): Promise<readonly { id: string; name: string; type: string }[]>;
  hostsOf(request: { readonly orgId: string; readonly ids: readonly string[] }): Promise<ReadonlyMap<string, readonly string[]>>;
}

/** What a definition names and its publisher can't use, and URLs that a credential may not be sent to. */
export async function credentialProblems(
  core: Core,
  definition: Definition,
  { orgId, userId, role }: { readonly orgId: string; readonly userId: string; readonly role: Role },
): Promise<readonly Problem[]> {
  const refs = credentialRefs(definition, core.parts.nodeTypes).filter(({ node, id }) => runs(node) && (isComputed(id) || IS_ID.test(id)));
  if (refs.length === 0) return [];
  const { credentials } = core.parts;
  if (credentials === undefined)
    return refs.map(({ node, path }) => ({ node: node.key, path, code: 'credential_missing', message: 'this Studio keeps no credentials' }));
  const written = refs.filter(({ id }) => !isComputed(id));
  const ids = [...new Set(written.map(({ id }) => id))];
  const faults = new Map((await credentials.faultsOf({ orgId, user: { userId, role }, ids })).map((fault) => [fault.id, fault]));
  const hosts = await credentials.hostsOf({ orgId, ids });
  return refs.flatMap(({ id, node, path }): readonly Problem[] => {
    const at = { node: node.key, path };
    if (isComputed(id)) return [{ ...at, code: 'credential_computed', message: 'a credential is named by its id, written out: an expression could name any' }];
    const fault = faults.get(id);
    if (fault !== undefined) return [{ ...at, code: fault.code, message: fault.message }];
    const url = node.params?.['url'];
    const rules = hosts.get(id) ?? [];
    if (typeof url !== 'string' || isComputed(url) || !URL.canParse(url) || mayCarry(rules, new URL(url))) return [];
    return [{ ...at, code: 'credential_host', message: `this credential may be sent to ${rules.join(', ')} alone, not to ${new URL(url).origin}` }];
  });
}

/** What a version can't start without. */
export function credentialsOf(definition: Definition, types: NodeTypes): readonly string[] {
  const refs = credentialRefs(definition, types).filter(({ node, id }) => runs(node) && !isComputed(id));
  return [...new Set(refs.map(({ id }) => id))];
}

/** @throws AppError conflict that names what is missing or over */
export async function requireCredentials(core: Core, orgId: string, version: LoadedVersion): Promise<void> {
  const user = { userId: version.principal };
  const faults = (await core.parts.credentials?.faultsOf({ orgId, user, ids: version.credentials })) ?? [];
  if (faults.length === 0) return;
  fail('conflict', {
    message: `this workflow can not start: ${faults.map(({ message }) => message).join('; ')}`,
    details: { credentials: faults.map(({ id, code, message }) => ({ id, code, message })) },
  });
}

/** HTTP of a step: a request that names a credential carries it to its hosts. Whatever else is in the request, it can't name one that the node does not. */
export function credentialHttp(trial: Trial, port: HttpPort): HttpPort {
  return {
    async request({ credential, bound: _made, ...request }) {
      if (credential === undefined) return port.request(request);
      const { core, frame, node } = trial;
      const isNamed = idsOf(node.type, node.node.params).some(({ id }) => id === credential);
      if (!isNamed || core.parts.credentials === undefined)
        throw new NodeError(
          'credential_forbidden',
          `the credential ${credential.slice(0, 60)} is not written in this step; name it there, not by an expression`,
          {
            final: true,
          },
        );
      const { credentials } = core.parts;
      const opened = await patiently(core, () => credentials.open({ orgId: frame.live.orgId, userId: frame.live.principal, id: credential }), request.signal);
      trial.redaction = alsoHiding(trial.redaction, opened.made);
      return port.request({ ...request, bound: opened.binding });
    },
  };
}

/** Whether a node does anything when it is reached. */
function runs(node: GraphNode): boolean {
  return node.disabled !== true && node.mock === undefined;
}

/** What is none, the params' own schema tells. */
const IS_ID = /^cred_[0-9a-z]{26}$/;

function isComputed(text: string): boolean {
  return text.includes('{{');
}
