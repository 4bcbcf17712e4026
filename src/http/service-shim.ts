/** What a sandboxed service page misses is put into it as its first script: storage, cookies and workers in the page's own memory. Text for the browser.
 *  Never gives it anything of Studio's. One thing to know: what it stores lives in the tab (window.name), through reloads and no further. */

/** Below the page's prefix. A service's own paths don't begin with a tilde and this name. */
export const SHIM_PATH = '~studio-sandbox.js';

export const SHIM = `(() => {
  'use strict';
  let kept = {};
  try { kept = JSON.parse(window.name).studioSandbox ?? {}; } catch { kept = {}; }
  const save = () => { try { window.name = JSON.stringify({ studioSandbox: kept }); } catch { /* Too large: it lives until the reload. */ } };
  const storage = (slot) => {
    const items = () => (kept[slot] ??= {});
    const methods = {
      getItem: (key) => (Object.hasOwn(items(), String(key)) ? items()[String(key)] : null),
      setItem: (key, value) => { items()[String(key)] = String(value); save(); },
      removeItem: (key) => { delete items()[String(key)]; save(); },
      clear: () => { kept[slot] = {}; save(); },
      key: (index) => Object.keys(items())[index] ?? null,
    };
    return new Proxy(methods, {
      get: (target, key) => key === 'length' ? Object.keys(items()).length : typeof key === 'symbol' || Object.hasOwn(target, key) ? target[key] : items()[key],
      set: (_target, key, value) => { methods.setItem(key, value); return true; },
      has: (target, key) => Object.hasOwn(target, key) || Object.hasOwn(items(), key),
      deleteProperty: (_target, key) => { methods.removeItem(key); return true; },
      ownKeys: () => Object.keys(items()),
      getOwnPropertyDescriptor: (_target, key) => Object.hasOwn(items(), key) ? { value: items()[key], writable: true, enumerable: true, configurable: true } : undefined,
    });
  };
  for (const name of ['localStorage', 'sessionStorage']) {
    try { void window[name].length; } catch { Object.defineProperty(window, name, { value: storage(name), configurable: true }); }
  }
  try { void document.cookie; } catch {
    Object.defineProperty(document, 'cookie', {
      configurable: true,
      get: () => Object.entries(kept.cookies ?? {}).map(([name, value]) => name + '=' + value).join('; '),
      set: (text) => {
        const [pair = '', ...attributes] = String(text).split(';');
        const at = pair.indexOf('=');
        const name = pair.slice(0, Math.max(at, 0)).trim();
        const isOver = attributes.some((one) => /^\\s*max-age=(0|-)/i.test(one) || (/^\\s*expires=/i.test(one) && Date.parse(one.split('=')[1]) < Date.now()));
        kept.cookies ??= {};
        if (isOver) delete kept.cookies[name]; else kept.cookies[name] = pair.slice(at + 1).trim();
        save();
      },
    });
  }
  const Native = window.Worker;
  if (Native !== undefined) {
    window.Worker = class extends Native {
      constructor(url, options) {
        const address = new URL(String(url), document.baseURI).href;
        if (/^(blob|data):/.test(address)) { super(url, options); return; }
        const text = options?.type === 'module' ? 'import ' + JSON.stringify(address) + ';' : 'importScripts(' + JSON.stringify(address) + ');';
        super(URL.createObjectURL(new Blob([text], { type: 'text/javascript' })), options);
      }
    };
  }
})();
`;

/** How much of a page is looked through for the place; a page without a head within it goes as it is. */
const LOOKED_AT = 64 * 1024;

/** The page with the shim as its first script. @param start its first bytes; undefined: more are needed to tell */
export function withShim(start: Buffer, prefix: string, isWhole: boolean): Buffer | undefined {
  // latin1: every byte stays what it is, whatever the page's encoding.
  const text = start.toString('latin1');
  const head =
    /<head(\s[^>]*)?>/i.exec(text) ?? /<html(\s[^>]*)?>/i.exec(text) ?? (isWhole || start.length > LOOKED_AT ? /^\s*(<!doctype[^>]*>)?/i.exec(text) : null);
  if (head === null) return undefined;
  const at = head.index + head[0].length;
  return Buffer.from(`${text.slice(0, at)}<script src="${prefix}${SHIM_PATH}"></script>${text.slice(at)}`, 'latin1');
}
