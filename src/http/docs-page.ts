/** The reference page: every call with its rights, shapes, errors and curl, made from the contract. Plain HTML and one style element:
 *  no script, no CDN, readable without either. */
import { errorCodes } from '../contract/error.ts';
import { parameters, type Described, type JsonSchema, type Operation } from './openapi.ts';

export function docsPage(described: Described, options: { readonly version: string; readonly nonce: string }): string {
  const groups = Map.groupBy(described.operations, ({ spec }) => spec.tag);
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="dark light">
<title>API reference · Studio</title><style nonce="${options.nonce}">${STYLE}</style></head>
<body><nav aria-label="Groups"><strong>Studio ${escape(options.version)}</strong>${[...groups.keys()].map((tag) => `<a href="#${escape(tag)}">${escape(tag)}</a>`).join('')}<a href="#errors">errors</a><a href="#shapes">shapes</a></nav>
<main><h1>API reference</h1>${INTRO}
${[...groups].map(([tag, operations]) => `<section><h2 id="${escape(tag)}">${escape(tag)}</h2>${operations.map(operationHtml).join('\n')}</section>`).join('\n')}
<section><h2 id="errors">errors</h2><p>Every refusal is <code>{ "error": { "code", "message", "details"?, "requestId" } }</code>. The codes:</p>
<table><thead><tr><th>status</th><th>code</th><th>what to do</th></tr></thead><tbody>${Object.entries(errorCodes)
    .map(([code, { status, remedy }]) => `<tr><td>${status}</td><td><code>${code}</code></td><td>${escape(remedy)}</td></tr>`)
    .join('')}</tbody></table></section>
<section><h2 id="shapes">shapes</h2>${Object.entries(described.components)
    .map(([name, schema]) => `<details id="shape-${escape(name)}"><summary><code>${escape(name)}</code></summary>${schemaHtml(schema)}</details>`)
    .join('\n')}</section></main></body></html>`;
}

const INTRO = `<p>JSON over HTTP. Send <code>Authorization: Bearer …</code> with an access token or an API key. The same as
<a href="v1/openapi.json">OpenAPI 3.1</a>. Ids sort by age; times are ISO 8601 UTC; durations are ms. Lists answer <code>{ items, next, cursor }</code>, newest first:
give <code>next</code> as <code>?after=</code>. Every GET answers <code>Studio-Cursor</code>: where live events go on from what it shows.
A POST with <code>Idempotency-Key</code> counts once.</p>`;

function operationHtml(operation: Operation): string {
  const { spec, method, path, params, query, body, reply, errors } = operation;
  const inputs = [...parameters(params, 'path'), ...parameters(query, 'query')];
  return `<details><summary><span class="method ${method.toLowerCase()}">${method}</span> <code>${escape(path)}</code> <span class="summary">${escape(spec.summary)}</span></summary>
${spec.description === undefined ? '' : `<p>${escape(spec.description)}</p>`}<p>${rightsOf(operation)}</p>
${inputs.length === 0 ? '' : `<table><thead><tr><th>parameter</th><th>in</th><th>shape</th></tr></thead><tbody>${inputs.map((input) => `<tr><td><code>${escape(input.name)}</code>${input.required ? '' : ' (optional)'}</td><td>${input.in}</td><td><code>${escape(JSON.stringify(input.schema))}</code></td></tr>`).join('')}</tbody></table>`}
${body === undefined ? '' : `<h3>Body</h3>${schemaHtml(body)}`}${spec.bodyKind === 'bytes' ? '<h3>Body</h3><p>Bytes, streamed.</p>' : ''}
<h3>Answer ${spec.status}</h3>${reply === undefined ? '<p>Empty.</p>' : spec.replyType === undefined ? schemaHtml(reply) : `<p>${escape(spec.replyType)}</p>`}
<p>Errors: ${errors.map((code) => `<code>${code}</code>`).join(', ')}</p><h3>curl</h3><pre>${escape(curlOf(operation))}</pre></details>`;
}

function rightsOf({ rule }: Operation): string {
  if (rule === undefined) return '';
  if ('access' in rule) return 'Open to everybody.';
  const key = rule.scope === null ? 'API keys need the scope <code>*</code>.' : `API keys need the scope <code>${rule.scope}</code>.`;
  return `For the role <code>${rule.role}</code> and above. ${key}${rule.loopback === true ? ' Open to callers on this machine.' : ''}`;
}

function curlOf({ spec, method, path, body, rule }: Operation): string {
  const open = rule !== undefined && 'access' in rule;
  return [
    `curl ${method === 'GET' ? '' : `-X ${method} `}"$STUDIO${path}"`,
    ...(open ? [] : [`  -H "Authorization: Bearer $STUDIO_KEY"`]),
    ...(body === undefined ? [] : [`  -H 'Content-Type: application/json' -d '{ … }'`]),
    ...(spec.bodyKind === 'bytes' ? ['  --data-binary @FILE'] : []),
  ].join(' \\\n');
}

function schemaHtml(schema: JsonSchema): string {
  const text = escape(JSON.stringify(schema, null, 2));
  return `<pre>${text.replace(/#\/components\/schemas\/([\w.-]+)/g, (whole, name: string) => `<a href="#shape-${name}">${whole}</a>`)}</pre>`;
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;').replaceAll("'", '&#39;');
}

const STYLE = `:root{color-scheme:dark light;--line:light-dark(#ddd,#2c2c33);--soft:light-dark(#f5f5f7,#17171b);--dim:light-dark(#666,#9a9aa5);--accent:light-dark(#5b4fd6,#a89cff)}
body{margin:0;font:15px/1.5 system-ui,sans-serif;display:grid;grid-template-columns:12rem minmax(0,60rem);gap:2rem;background:light-dark(#fff,#0e0e11);color:light-dark(#1a1a1f,#e8e8ee)}
nav{position:sticky;top:0;height:100vh;padding:1.5rem 1rem;box-sizing:border-box;display:flex;flex-direction:column;gap:.35rem;border-right:1px solid var(--line);overflow:auto}
a{color:var(--accent)}nav a{text-decoration:none}main{padding:1rem 1rem 4rem}h2{margin-top:2.5rem}h3{font-size:.9rem;margin:.8rem 0 .3rem}
details{border:1px solid var(--line);border-radius:6px;margin:.4rem 0;padding:.4rem .8rem}summary{cursor:pointer}.summary{color:var(--dim)}
.method{display:inline-block;min-width:4.2rem;font:600 .8rem ui-monospace,monospace}.get{color:light-dark(#0a7a4b,#56d69a)}.delete{color:light-dark(#b3261e,#ff8a80)}
code,pre{font:13px/1.45 ui-monospace,monospace}pre{background:var(--soft);padding:.6rem .8rem;border-radius:6px;overflow:auto;max-height:26rem}
table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.25rem .6rem;border-bottom:1px solid var(--line);vertical-align:top;overflow-wrap:anywhere}
@media (max-width:50rem){body{display:block}nav{position:static;height:auto;flex-flow:row wrap;border:0}}`;
