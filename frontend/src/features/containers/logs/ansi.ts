// Terminal colours in log lines, as data. What is not a colour is dropped:
// a log line never moves a cursor, sets a title, rings a bell or turns its text around.

export interface Style {
  fg: number; // 0–15; -1: as the page
  bg: number;
  bold: boolean;
  dim: boolean;
  italic: boolean;
  underline: boolean;
  inverse: boolean;
}

export interface Span extends Style {
  text: string;
}

const normal: Style = { fg: -1, bg: -1, bold: false, dim: false, italic: false, underline: false, inverse: false };

// CSI; OSC, DCS, APC, PM and SOS up to their end; two-character escapes; a torn one at the end.
const escapes =
  /\x1b(?:\[([0-?]*)[ -/]*([@-~])|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\|$)|[ -/]*[0-~]|$)|\x9b[0-?]*[ -/]*[@-~]/g;
const controls = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/g;
const special = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/;

/** The line without escapes and control characters, as it is searched and copied. */
export function plain(line: string): string {
  if (!special.test(line)) return line;
  return lastState(line).replace(escapes, '').replace(controls, '');
}

/** The line in spans of one style each. */
export function spans(line: string): Span[] {
  if (!special.test(line)) return [{ ...normal, text: line }];
  const text = lastState(line);
  const out: Span[] = [];
  let style = normal;
  let from = 0;
  const put = (until: number) => {
    const piece = text.slice(from, until).replace(controls, '');
    if (piece !== '') out.push({ ...style, text: piece });
  };
  for (const match of text.matchAll(escapes)) {
    put(match.index);
    from = match.index + match[0].length;
    if (match[2] === 'm') style = apply(style, match[1] ?? '');
  }
  put(text.length);
  return out;
}

// A carriage return writes over the line, as progress bars do: the last state counts.
function lastState(line: string): string {
  const text = line.replace(/\r+$/, '');
  return text.slice(text.lastIndexOf('\r') + 1);
}

function apply(before: Style, codes: string): Style {
  let style = { ...before };
  const numbers = codes.split(/[;:]/).map((n) => (n === '' ? 0 : Number(n)));
  for (let at = 0; at < numbers.length; at++) {
    const code = numbers[at]!;
    if (code === 38 || code === 48) {
      const { colour, used } = extended(numbers.slice(at + 1));
      style = { ...style, [code === 38 ? 'fg' : 'bg']: colour };
      at += used;
    } else {
      style = { ...style, ...one(code) };
    }
  }
  return style;
}

const single: Record<number, Partial<Style>> = {
  0: normal,
  1: { bold: true },
  2: { dim: true },
  3: { italic: true },
  4: { underline: true },
  7: { inverse: true },
  22: { bold: false, dim: false },
  23: { italic: false },
  24: { underline: false },
  27: { inverse: false },
  39: { fg: -1 },
  49: { bg: -1 },
};

function one(code: number): Partial<Style> {
  if (code >= 30 && code <= 37) return { fg: code - 30 };
  if (code >= 40 && code <= 47) return { bg: code - 40 };
  if (code >= 90 && code <= 97) return { fg: code - 82 };
  if (code >= 100 && code <= 107) return { bg: code - 92 };
  return single[code] ?? {};
}

/** 256 and true colours become the nearest of sixteen, which are readable in both themes. */
function extended(rest: number[]): { colour: number; used: number } {
  if (rest[0] === 5) return { colour: fromPalette(rest[1] ?? 0), used: 2 };
  if (rest[0] === 2) return { colour: nearest(rest[1] ?? 0, rest[2] ?? 0, rest[3] ?? 0), used: 4 };
  return { colour: -1, used: 0 };
}

function fromPalette(n: number): number {
  if (n < 16) return Math.max(0, n);
  if (n >= 232) return n < 244 ? 8 : 7;
  const cube = n - 16;
  const level = (v: number) => (v === 0 ? 0 : 55 + v * 40);
  return nearest(level(Math.floor(cube / 36)), level(Math.floor(cube / 6) % 6), level(cube % 6));
}

function nearest(r: number, g: number, b: number): number {
  const most = Math.max(r, g, b);
  const least = Math.min(r, g, b);
  if (most - least < 40) return most < 64 ? 0 : most < 160 ? 8 : 7;
  const middle = (most + least) / 2;
  const hue = (r > middle ? 1 : 0) | (g > middle ? 2 : 0) | (b > middle ? 4 : 0);
  return hue + (most > 200 && least > 60 ? 8 : 0);
}
