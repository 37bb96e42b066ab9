import { localeOf } from '$lib/format';

const locale = localeOf(typeof navigator === 'undefined' ? 'en' : navigator.language);

/** The time of day, with seconds where a short span is looked at. */
export function clockTime(time: number, span: number): string {
  const seconds = span <= 3_600_000 ? ('2-digit' as const) : undefined;
  return new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit', second: seconds }).format(time);
}
