import { expect, type Locator, type Page } from '@playwright/test';

/** What a container wrote, or several. */
export class LogPage {
  readonly log: Locator;
  readonly search: Locator;

  constructor(readonly page: Page) {
    this.log = page.getByRole('log');
    this.search = page.getByRole('searchbox', { name: 'Search the log' });
  }

  async choose(what: 'Level' | 'Stream', option: string): Promise<void> {
    await this.page.getByLabel(what, { exact: true }).selectOption(option);
  }

  async menu(button: 'Times' | 'How Lines Are Shown', item: string): Promise<void> {
    await this.page.getByRole('button', { name: button, exact: true }).click();
    await this.page.getByRole('menuitemcheckbox', { name: item }).or(this.page.getByRole('menuitemradio', { name: item })).or(this.page.getByRole('menuitem', { name: item })).click();
  }

  /** The line that the search is at. */
  get looked(): Locator {
    return this.log.locator('.marked');
  }

  async copied(): Promise<string[]> {
    await this.page.getByRole('button', { name: 'Copy Shown Lines' }).click();
    await this.page.getByText(/^Copied \d+ lines?$/).waitFor();
    return (await this.page.evaluate(() => navigator.clipboard.readText())).trimEnd().split('\n');
  }

  /** Draws the log at many places, and tells how long the slowest frame took, in ms. */
  async slowestFrame(): Promise<number> {
    return this.log.evaluate(async (box) => {
      let last = performance.now();
      let worst = 0;
      for (let frame = 0; frame < 90; frame++) {
        box.scrollTop = ((frame * 37) % 90) * (box.scrollHeight / 90);
        await new Promise(requestAnimationFrame);
        const now = performance.now();
        if (frame > 5) worst = Math.max(worst, now - last);
        last = now;
      }
      return worst;
    });
  }

  async expectEnd(text: string): Promise<void> {
    await expect(this.log).toContainText(text, { timeout: 30_000 });
  }
}
