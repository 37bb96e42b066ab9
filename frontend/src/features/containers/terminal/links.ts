/** A web address in a line of text, by its place in it. */
export interface Link {
  start: number;
  end: number;
  url: string;
}

const address = /https?:\/\/[^\s"'<>`\\^{|}\u0000-\u001f\u007f\u200e\u200f\u202a-\u202e\u2066-\u2069]+/gi;

/** Finds http and https addresses; sentences' dots and brackets that were not opened are left out. */
export function findLinks(text: string): Link[] {
  const links: Link[] = [];
  for (const match of text.matchAll(address)) {
    const url = trimEnd(match[0]);
    if (webAddress(url)) links.push({ start: match.index, end: match.index + url.length, url });
  }
  return links;
}

/** The address as a browser understands it, "" where it is none of the web's. */
export function webAddress(url: string): string {
  try {
    const parsed = new URL(url);
    return parsed.protocol === 'http:' || parsed.protocol === 'https:' ? parsed.href : '';
  } catch {
    return '';
  }
}

function trimEnd(url: string): string {
  for (;;) {
    const last = url.at(-1)!;
    const open = { ')': '(', ']': '[' }[last];
    const unopened = open !== undefined && count(url, open) < count(url, last);
    if (!unopened && !'.,;:!?'.includes(last)) return url;
    url = url.slice(0, -1);
  }
}

function count(text: string, sign: string): number {
  return text.split(sign).length - 1;
}
