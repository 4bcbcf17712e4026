/** Filters of a list that people keep by name. */
import type { SavedView } from '../../src/contract/saved-views.ts';
import { call } from '../api.ts';
import { useResource } from './resource.ts';
import type { Resource } from './resource.ts';

export type ViewPage = SavedView['page'];

export function useSavedViews(page: ViewPage): Resource<readonly SavedView[]> {
  return useResource<readonly SavedView[]>(async (signal) => (await call('GET /api/v1/views', { query: { page, limit: 200 }, signal })).items, [page]);
}

/** @throws ApiError */
export async function saveView(view: {
  readonly page: ViewPage;
  readonly name: string;
  readonly filter: string;
  readonly isShared: boolean;
}): Promise<SavedView> {
  return await call('POST /api/v1/views', { body: view });
}

/** @throws ApiError */
export async function deleteView(id: string): Promise<void> {
  await call('DELETE /api/v1/views/{id}', { params: { id } });
}
