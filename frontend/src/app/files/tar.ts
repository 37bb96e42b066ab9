// Packs files of the person's as a tar, whose content stays on their disk until
// it is sent: a Blob of files is only a list.

/** What to pack: a file, or a directory where there is none. */
export interface Item {
  path: string; // relative, without dots
  file?: File;
}

const block = 512;
const utf8 = new TextEncoder();

/** A POSIX archive of items, in their order. */
export function tarOf(items: readonly Item[]): Blob {
  const parts: BlobPart[] = [];
  for (const { path, file } of items) {
    parts.push(...headers(path, file));
    if (file) parts.push(file, new Uint8Array(padding(file.size)));
  }
  parts.push(new Uint8Array(2 * block));
  return new Blob(parts);
}

const padding = (size: number) => (block - (size % block)) % block;

// What an old header cannot hold, such as a long name, stands in one before it.
function headers(path: string, file: File | undefined): BlobPart[] {
  const name = file ? path : `${path}/`;
  const size = file?.size ?? 0;
  const seconds = Math.max(0, Math.floor((file?.lastModified ?? Date.now()) / 1000));
  const records = [record('path', name), record('mtime', `${seconds}`)];
  if (size >= 8 ** 11) records.push(record('size', `${size}`));
  const extended = joined(records);
  return [
    header('PaxHeader', extended.length, 0o644, 'x'),
    extended,
    new Uint8Array(padding(extended.length)),
    header('file', size, file ? 0o644 : 0o755, file ? '0' : '5'),
  ];
}

/** "LENGTH key=value\n", where the length counts itself. */
function record(key: string, value: string): Uint8Array<ArrayBuffer> {
  const rest = utf8.encode(` ${key}=${value}\n`);
  let length = rest.length + 1;
  while (`${length}`.length + rest.length !== length) length++;
  return joined([utf8.encode(`${length}`), rest]);
}

function joined(parts: Uint8Array<ArrayBuffer>[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function header(name: string, size: number, mode: number, type: string): Uint8Array<ArrayBuffer> {
  const h = new Uint8Array(block);
  const put = (at: number, text: string) => h.set(utf8.encode(text), at);
  const octal = (n: number, digits: number) => n.toString(8).padStart(digits, '0').slice(-digits);
  put(0, name);
  put(100, octal(mode, 7));
  put(108, octal(0, 7));
  put(116, octal(0, 7));
  put(124, octal(size, 11));
  put(136, octal(0, 11));
  put(148, '        ');
  put(156, type);
  put(257, 'ustar\u000000');
  put(148, `${octal(h.reduce((a, b) => a + b, 0), 6)}\0 `);
  return h;
}
