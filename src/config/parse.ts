/** From the text of one variable to a typed value. Pure. A fault names what is wrong with the text, never repeats a secret. */

/** What is wrong with one value, as the end of a sentence that begins with its name. */
export class ValueFault extends Error {
  override readonly name = 'ValueFault';
}

/** One kind of value: how it is read, and how documentation calls it. */
export interface Kind<T> {
  readonly label: string;
  /** @throws ValueFault */
  parse(text: string): T;
}

/** Faults that stand in the text itself, whatever its type: what a shell, a .env file or a template left behind. */
export type TextFault = 'empty' | 'quoted' | 'unexpanded';

export function textFault(text: string): TextFault | undefined {
  const trimmed = text.trim();
  if (trimmed === '') return 'empty';
  // Also the quotes that word processors and web pages make of them, and two that do not match.
  if (/^["'`“”‘’«].*["'`“”‘’»]$/s.test(trimmed) && trimmed.length > 1) return 'quoted';
  // RunPod leaves `{{ RUNPOD_SECRET_x }}` as it stands when the secret does not exist; compose and shells leave ${X}.
  if (/\{\{.*?\}\}|\$\{[A-Za-z_][A-Za-z0-9_]*\}/s.test(trimmed)) return 'unexpanded';
  return undefined;
}

export const textFaultMessages: Readonly<Record<TextFault, string>> = {
  empty: 'is empty; give it a value or remove it',
  quoted: 'is wrapped in quotes; remove the quotes, they would become part of the value',
  unexpanded: 'holds an unexpanded template such as {{ RUNPOD_SECRET_x }}; create that secret, or write the value itself',
};

export const text: Kind<string> = { label: 'text', parse: (value) => value.trim() };

export const secret: Kind<string> = { label: 'secret', parse: (value) => value.trim() };

/** Without a slash at the end. */
export const httpUrl: Kind<string> = {
  label: 'URL',
  parse(value) {
    const url = URL.parse(value.trim());
    if (url === null || !/^https?:$/.test(url.protocol) || url.username !== '' || url.search !== '' || url.hash !== '')
      throw new ValueFault(`is ${JSON.stringify(value)}; it must be http:// or https://, a host and perhaps a path`);
    return url.href.replace(/\/+$/, '');
  },
};

export const flag: Kind<boolean> = {
  label: 'true or false',
  parse(value) {
    const word = value.trim().toLowerCase();
    if (['true', '1', 'yes', 'on'].includes(word)) return true;
    if (['false', '0', 'no', 'off'].includes(word)) return false;
    throw new ValueFault(`is ${JSON.stringify(value)}; it must be true or false`);
  },
};

export function whole(min: number, max: number): Kind<number> {
  return {
    label: `whole number, ${min} to ${max}`,
    parse(value) {
      const number = Number(value.trim());
      if (/^-?\d+$/.test(value.trim()) && number >= min && number <= max) return number;
      throw new ValueFault(`is ${JSON.stringify(value)}; it must be a whole number from ${min} to ${max}`);
    },
  };
}

export function oneOf<const T extends string>(words: readonly T[]): Kind<T> {
  return {
    label: words.join(', '),
    parse(value) {
      const found = words.find((word) => word === value.trim().toLowerCase());
      if (found !== undefined) return found;
      throw new ValueFault(`is ${JSON.stringify(value)}; it must be one of ${words.join(', ')}`);
    },
  };
}

export const list: Kind<readonly string[]> = {
  label: 'list, comma-separated',
  parse: (value) =>
    value
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== ''),
};

/** The name of a folder. */
export const workerName: Kind<string> = {
  label: 'name',
  parse(value) {
    const trimmed = value.trim();
    if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(trimmed))
      throw new ValueFault(`is ${JSON.stringify(value)}; a name has up to 63 letters, digits, ".", "_" and "-"`);
    return trimmed;
  },
};

/** A JSON array, as text; in a configuration file simply a list. */
export const jsonList: Kind<readonly unknown[]> = {
  label: 'JSON list',
  parse(value) {
    let parsed: unknown;
    try {
      parsed = value.trim() === '' ? [] : JSON.parse(value);
    } catch (cause) {
      throw new ValueFault(`is not JSON: ${cause instanceof Error ? cause.message : String(cause)}`);
    }
    if (!Array.isArray(parsed)) throw new ValueFault('is no JSON list');
    return parsed;
  },
};

export const domains: Kind<readonly string[]> = {
  label: 'list of domains, comma-separated',
  parse(value) {
    const items = list.parse(value).map((item) => item.toLowerCase().replace(/\.$/, ''));
    for (const item of items)
      if (item.length > 253 || !/^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]$/.test(item))
        throw new ValueFault(`holds ${JSON.stringify(item)}; a domain reads studio.example.com, without https:// and path`);
    return [...new Set(items)];
  },
};

export const origins: Kind<readonly string[]> = {
  label: 'list of origins, comma-separated',
  parse(value) {
    const items = list.parse(value);
    for (const item of items) {
      // '*' is accepted as "same origin only": with credentials a browser refuses it, and so do we (config explain says so).
      if (item !== '*' && !/^https?:\/\/[^/\s*]+$/.test(item))
        throw new ValueFault(`holds ${JSON.stringify(item)}; an origin reads https://host[:port], without a path`);
    }
    return items.filter((item) => item !== '*');
  },
};

export const path: Kind<string> = {
  label: 'path',
  parse(value) {
    const trimmed = value.trim();
    if (!trimmed.startsWith('/')) throw new ValueFault(`is ${JSON.stringify(value)}; it must be an absolute path`);
    return trimmed.length > 1 ? trimmed.replace(/\/+$/, '') : trimmed;
  },
};

/** `embedded` stands for the one that Studio runs itself. */
export const databaseUrl: Kind<string> = {
  label: 'URL postgresql://user:password@host:port/database',
  parse(value) {
    const trimmed = value.trim();
    if (trimmed === 'embedded') return trimmed;
    if (/^sqlite/i.test(trimmed))
      throw new ValueFault('is a SQLite file, which Studio does not run on; start without it, and bring the data in with the import tool (studio import)');
    // SQLAlchemy's dialect suffix: postgresql+psycopg://, postgres+asyncpg://
    const plain = trimmed.replace(/^(postgres(?:ql)?)\+[a-z0-9_]+:/i, '$1:').replace(/^postgres:/i, 'postgresql:');
    const url = URL.canParse(plain) ? new URL(plain) : undefined;
    if (url?.protocol !== 'postgresql:' || (url.hostname === '' && !url.searchParams.has('host'))) {
      throw new ValueFault('is not a URL of the form postgresql://user:password@host:5432/database');
    }
    return plain;
  },
};

export const redisUrl: Kind<string> = {
  label: 'URL redis://[:password@]host:port/0',
  parse(value) {
    const trimmed = value.trim();
    if (trimmed === 'embedded') return trimmed;
    // http://localhost:6379 is what an older override file gives; the port decides what it speaks.
    const plain = trimmed.replace(/^https?:\/\/(?=[^/]*:6379\b)/i, 'redis://');
    const url = URL.canParse(plain) ? new URL(plain) : undefined;
    if (url === undefined || !['redis:', 'rediss:', 'unix:'].includes(url.protocol))
      throw new ValueFault('is not a URL of the form redis://[:password@]host:6379/0');
    return plain;
  },
};

export const smtpUrl: Kind<string> = {
  label: 'URL smtps://user:password@host:465',
  parse(value) {
    const trimmed = value.trim();
    const url = URL.canParse(trimmed) ? new URL(trimmed) : undefined;
    if (url === undefined || !['smtp:', 'smtps:'].includes(url.protocol) || url.hostname === '')
      throw new ValueFault('is not a URL of the form smtps://user:password@host:465, or smtp://host:587');
    return trimmed;
  },
};
