/** Models by the names that callers use for them: what an org sees, and what it means. */
import { AppError } from '../kernel/fail.ts';
import type { ListedModel, Models } from './engine.ts';
import { isVisible } from './name-pattern.ts';

/** Whose names. */
export interface Named {
  readonly orgId: string;
  /** Names with `*` for any part; empty: every model. */
  readonly visible: readonly string[];
  /** Other names of models. A model of that name comes first. */
  readonly aliases: Readonly<Record<string, string>>;
}

/** Every model that may be asked, under all its names. */
export async function listNames(models: Pick<Models, 'list'>, { orgId, visible, aliases }: Named): Promise<readonly ListedModel[]> {
  const own = (await models.list(orgId)).filter(({ id }) => isVisible(id, visible));
  const byId = new Map(own.map((model) => [model.id, model]));
  const others = Object.entries(aliases).flatMap(([id, target]) => {
    const model = byId.get(target);
    return model === undefined || byId.has(id) ? [] : [{ ...model, id }];
  });
  return [...own, ...others];
}

/** Models an org may not use are as if they were not there, by whatever name. @throws AppError model_not_found */
export async function realName(models: Pick<Models, 'list'>, asked: string, { orgId, visible, aliases }: Named): Promise<string> {
  const target = Object.hasOwn(aliases, asked) ? aliases[asked] : undefined;
  const isModel = target === undefined || (await models.list(orgId)).some(({ id }) => id === asked);
  const name = isModel ? asked : target;
  if (isVisible(name, visible)) return name;
  throw new AppError('model_not_found', {
    message: `There is no model "${asked}" for your organisation. GET /v1/models lists those that can be asked; a super administrator says which (settings, visibleModels).`,
  });
}

/** Names that callers make up are not counted: each would be a row. */
export function isUnknownModel(error: unknown): boolean {
  return error instanceof AppError && (error.code === 'model_not_found' || error.code === 'not_found');
}
