/** Times that the server wrote into a sentence, as the reader's clock shows them. Pure. */

const ISO = /\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?Z/g;

/** @param timeZone default: the reader's own  @returns the text with each ISO time as `14:05:09`, with its date when that is another day */
export function localTimes(text: string, nowMs: number, timeZone?: string): string {
  const zone = timeZone === undefined ? {} : { timeZone };
  const day = new Intl.DateTimeFormat(undefined, { ...zone, dateStyle: 'medium' });
  const time = new Intl.DateTimeFormat('en-GB', { ...zone, hour: '2-digit', minute: '2-digit', second: '2-digit' });
  return text.replaceAll(ISO, (iso) => {
    const at = Date.parse(iso);
    if (Number.isNaN(at)) return iso;
    return day.format(at) === day.format(nowMs) ? time.format(at) : `${day.format(at)}, ${time.format(at)}`;
  });
}
