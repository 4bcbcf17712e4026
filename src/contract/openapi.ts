/** The API's description of itself, made from this contract. */
import * as z from 'zod';
import { endpoint } from './endpoint.ts';

export const openapiEndpoints = [
  endpoint({ key: 'GET /api/v1/openapi.json', tag: 'reference', summary: 'This API as OpenAPI 3.1', status: 200, reply: z.record(z.string(), z.unknown()) }),
  endpoint({ key: 'GET /api/docs', tag: 'reference', summary: 'The reference page', status: 200, reply: z.string(), replyType: 'text/html; charset=utf-8' }),
] as const;
