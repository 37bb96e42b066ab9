/** Now, for "5 minutes ago": moves on every ten seconds while the page is seen. */
export class Clock {
  now = $state(Date.now());

  constructor(doc: Document) {
    setInterval(() => !doc.hidden && this.tick(), 10_000);
    doc.addEventListener('visibilitychange', () => this.tick());
  }

  tick(): void {
    this.now = Date.now();
  }
}
