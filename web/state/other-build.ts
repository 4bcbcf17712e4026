/** Whether a page that Studio serves belongs to another build than the page that is open. Pure. */

/** @param page what Studio serves now  @param entry of the page that is open; its name says what it holds */
export function isOtherBuild(page: string, entry: string | undefined): boolean {
  return entry !== undefined && page.includes('<script type="module"') && !page.includes(`"${entry}"`);
}
