/** What an expression gives with the data of the last run: asked of the server when typing pauses, the newest answer wins. */
import { useEffect, useState } from 'preact/hooks';
import type { ExpressionPreview } from '../../src/contract/expressions.ts';
import type { Json } from '../../src/contract/endpoint.ts';
import { asApiError, call } from '../api.ts';
import { readScope } from './expression-data.ts';
import type { ExpressionData } from './expression-data.ts';

export type PreviewState =
  | { readonly kind: 'none' }
  | { readonly kind: 'asking' }
  | { readonly kind: 'answer'; readonly answer: ExpressionPreview }
  | { readonly kind: 'fault'; readonly message: string };

const PAUSE_MS = 250;
// Of the sample that travels; a larger one is read in a test run.
const MAX_SCOPE_CHARS = 4 * 1024 * 1024;

/** @param template what is typed; nothing is asked while it holds no expression */
export function usePreview(template: string, options: { readonly bare: boolean; readonly data: ExpressionData }): PreviewState {
  const { bare, data } = options;
  const [state, setState] = useState<PreviewState>({ kind: 'none' });
  const isAsked = bare ? template.trim() !== '' : template.includes('{{');
  useEffect(() => {
    if (!isAsked) return setState({ kind: 'none' });
    const stop = new AbortController();
    const timer = setTimeout(() => {
      setState((before) => (before.kind === 'answer' ? before : { kind: 'asking' }));
      void ask({ template, bare, scope: data.scope, signal: stop.signal }).then((answer) => {
        if (!stop.signal.aborted) setState(answer);
      });
    }, PAUSE_MS);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [template, bare, data.scope, isAsked]);
  return isAsked ? state : { kind: 'none' };
}

async function ask(asked: { template: string; bare: boolean; scope: ExpressionData['scope']; signal: AbortSignal }): Promise<PreviewState> {
  const scope = readScope(asked.template, asked.scope) as Record<string, Json>;
  if (JSON.stringify(scope).length > MAX_SCOPE_CHARS) return { kind: 'fault', message: 'It reads too much to be previewed; test the node instead.' };
  try {
    const answer = await call('POST /api/v1/expressions/preview', { body: { template: asked.template, bare: asked.bare, scope }, signal: asked.signal });
    return { kind: 'answer', answer };
  } catch (error) {
    return { kind: 'fault', message: asApiError(error).message };
  }
}
