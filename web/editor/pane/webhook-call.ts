/** The command that calls a webhook, with the proof that it asks for. Pure. */

export function webhookCall(url: string, params: Readonly<Record<string, unknown>>): string {
  const methods = Array.isArray(params['methods']) ? params['methods'] : ['POST'];
  const header = (standard: string): string => (typeof params['header'] === 'string' && params['header'] !== '' ? params['header'] : standard);
  if (!methods.includes('POST')) return [`curl '${url}?name=value'`, ...proof(params, header)].join(' \\\n  ');
  if (params['auth'] === 'hmac') return signed(url, params, header);
  return [`curl -X POST '${url}'`, ...proof(params, header), `-H 'content-type: application/json'`, `-d '{"name": "value"}'`].join(' \\\n  ');
}

function proof(params: Readonly<Record<string, unknown>>, header: (standard: string) => string): readonly string[] {
  if (params['auth'] === 'header') return [`-H "${header('X-Studio-Secret')}: $SECRET"`];
  if (params['auth'] === 'jwt') return [`-H "${header('Authorization')}: ${header('Authorization') === 'Authorization' ? 'Bearer ' : ''}$TOKEN"`];
  return [];
}

/** What is signed is said in the README of the engine: delivery, time and body, or the body alone. */
function signed(url: string, params: Readonly<Record<string, unknown>>, header: (standard: string) => string): string {
  const hasTime = params['timestamp'] !== false;
  return [
    `body='{"name": "value"}'`,
    ...(hasTime ? [`id=$(uuidgen); time=$(date +%s)`] : []),
    `sign=$(printf '%s' ${hasTime ? '"$id.$time.$body"' : '"$body"'} | openssl dgst -sha256 -hmac "$SECRET" -r | cut -d' ' -f1)`,
    [
      `curl -X POST '${url}'`,
      `-H "${header('X-Studio-Signature')}: sha256=$sign"`,
      ...(hasTime ? ['-H "X-Studio-Delivery: $id"', '-H "X-Studio-Timestamp: $time"'] : []),
      `-H 'content-type: application/json'`,
      `-d "$body"`,
    ].join(' \\\n  '),
  ].join('\n');
}
