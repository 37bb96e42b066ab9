// Words of a POSIX shell: what a person types as a command, and back.

const plain = /^[A-Za-z0-9_@%+=:,./-]+$/;

/** Quotes a word so that every shell reads it back as it is. */
export function quote(word: string): string {
  if (plain.test(word)) return word;
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

export function join(words: string[]): string {
  return words.map(quote).join(' ');
}

/** Splits a command into words as a shell would, without expanding anything. Throws on an open quote. */
export function split(text: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  for (let at = 0; at < text.length; at++) {
    const c = text[at]!;
    if (/\s/.test(c)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (c === "'" || c === '"') {
      const quoted = readQuoted(text, at);
      word = (word ?? '') + quoted.text;
      at = quoted.end;
    } else if (c === '\\') {
      at++;
      if (at < text.length && text[at] !== '\n') word = (word ?? '') + text[at];
    } else {
      word = (word ?? '') + c;
    }
  }
  if (word !== undefined) words.push(word);
  return words;
}

export class OpenQuote extends Error {}

function readQuoted(text: string, start: number): { text: string; end: number } {
  const mark = text[start];
  let out = '';
  for (let at = start + 1; at < text.length; at++) {
    const c = text[at]!;
    if (c === mark) return { text: out, end: at };
    if (c === '\\' && mark === '"' && '"\\$`'.includes(text[at + 1] ?? 'x')) {
      at++;
      out += text[at];
    } else {
      out += c;
    }
  }
  throw new OpenQuote(text.slice(start));
}
