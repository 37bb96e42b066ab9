// The ways to show a line.
import { spans, type Span } from './ansi';
import { fields, objectOf } from './json';
import { rawSpans } from './raw';

/** With its colours; JSON objects as message and members; or byte by byte. */
export type Show = 'colours' | 'fields' | 'raw';

export function spansOf(line: string, show: Show): Span[] {
  if (show === 'raw') return rawSpans(line);
  const object = show === 'fields' ? objectOf(line) : undefined;
  return object ? fields(object) : spans(line);
}
