/** A build step as its author wrote it, without what the builders put around it. */
export function tidy(createdBy: string): string {
  return createdBy
    .replace(/^\/bin\/sh -c #\(nop\)\s+/, '')
    .replace(/^(?:RUN )?(?:\|\d+ .*? )?\/bin\/sh -c (.*)$/s, 'RUN $1')
    .replace(/\s*# buildkit$/, '')
    .replace(/\s{2,}&& */g, ' \\\n  && ')
    .replace(/\t+/g, ' ')
    .trim();
}
