/** A model as a form holds it while it is typed, and as the API takes it. */
import type { BodyOf } from '../../../src/contract/index.ts';

export interface RegisterDraft {
  readonly engine: 'remote' | 'llama' | 'service';
  readonly name: string;
  readonly isOwn: boolean;
  readonly path: string;
  readonly isUploaded: boolean;
  /** One argument a line. */
  readonly command: string;
  readonly kind: 'openai' | 'anthropic' | 'gemini';
  readonly baseUrl: string;
  readonly model: string;
  readonly secret: string;
}

export const newDraft: RegisterDraft = {
  ...{ engine: 'remote', name: '', isOwn: false, path: '', isUploaded: false, kind: 'openai', baseUrl: '', model: '', secret: '' },
  command: 'llama-server\n--model\n{model}\n--port\n{port}',
};

/** What is left empty is left out. */
export function bodyOf(draft: RegisterDraft): BodyOf<'POST /api/v1/models'> {
  const common = { name: draft.name.trim(), owner: draft.isOwn ? 'org' : 'machine' } as const;
  if (draft.engine === 'remote') {
    const [baseUrl, secret] = [draft.baseUrl.trim(), draft.secret.trim()];
    const settings = { kind: draft.kind, model: draft.model.trim(), ...(baseUrl === '' ? {} : { baseUrl }), ...(secret === '' ? {} : { secret }) };
    return { ...common, engine: 'remote', settings };
  }
  const path = draft.path.trim();
  const origin = path === '' ? {} : draft.isUploaded ? { file: path } : { path };
  if (draft.engine === 'llama') return { ...common, ...origin, engine: 'llama' };
  const command = draft.command.split('\n').filter((line) => line.trim() !== '');
  return { ...common, ...origin, engine: 'service', settings: { command } };
}
