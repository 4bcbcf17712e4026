/** Holds the palette of a page against what the page shows: every action has a name there, and no key means two things. */
import type { Page } from 'playwright-core';

interface Named {
  readonly name: string;
  readonly keys: string;
}

/** The buttons of the page's head, of its cards and of its empty states: what somebody came to press. */
const BUTTONS = `[...document.querySelectorAll('.page-header .btn, .card-header .btn, .empty .btn')]
  .filter((button) => !button.disabled && button.ariaHasPopup !== 'menu' && button.checkVisibility())
  .map((button) => ({ name: button.ariaLabel ?? button.querySelector('.btn-words')?.textContent ?? button.textContent, keys: button.dataset.keys ?? '' }))`;

const OFFERS = `[...document.querySelectorAll('.palette-row')]
  .map((row) => ({ name: row.querySelector('.truncate').textContent, keys: row.querySelector('.key')?.textContent ?? '' }))`;

/** Opens the palette, looks, and closes it. @returns names that it lacks, and keys that it shows twice */
export async function findPaletteFaults(page: Page): Promise<readonly object[]> {
  const buttons = (await page.evaluate(BUTTONS)) as readonly Named[];
  await page.getByRole('button', { name: /^Search or do/ }).click();
  await page.locator('.palette-row').first().waitFor();
  const offers = (await page.evaluate(OFFERS)) as readonly Named[];
  await page.keyboard.press('Escape');
  await page.locator('.palette-row').first().waitFor({ state: 'detached' });
  const names = new Set(offers.map(({ name }) => plain(name)));
  const missing = buttons.filter(({ name, keys }) => !names.has(plain(name)) && !offers.some((offer) => keys !== '' && plain(offer.keys) === keys));
  const capped = offers.flatMap(({ keys }) => (keys === '' ? [] : [keys]));
  const doubled = capped.filter((keys, index) => capped.indexOf(keys) !== index);
  return [...missing.map(({ name }) => ({ missing: name })), ...doubled.map((keys) => ({ doubled: keys }))];
}

/** Whatever its case, and without the dots of what asks first. */
function plain(text: string): string {
  return text.toLowerCase().replaceAll('…', '').trim();
}
