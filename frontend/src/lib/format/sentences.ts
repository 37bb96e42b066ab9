/** What went wrong and what to do, one after the other, each as a sentence. */
export function sentences(...parts: (string | undefined)[]): string {
  return parts
    .map((part) => (part ?? '').trim())
    .filter(Boolean)
    .map((part, at, all) => (at < all.length - 1 && !/[.!?…:]$/.test(part) ? `${part}.` : part))
    .join(' ');
}
