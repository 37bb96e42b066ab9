import type { Locator, Page } from '@playwright/test';

/** What is going on, what waits and what ended. */
export class ActivityPage {
  constructor(readonly page: Page) {}

  async open(): Promise<this> {
    await this.page.getByRole('link', { name: /Activity/ }).click();
    return this;
  }

  group(name: 'Now' | 'Next' | 'Paused' | 'Ended'): Locator {
    return this.page.getByRole('region', { name });
  }

  operation(name: string | RegExp): Locator {
    return this.page.getByRole('article', { name });
  }

  /** The titles of a group, from the top. */
  async titles(name: 'Now' | 'Next' | 'Paused' | 'Ended'): Promise<string[]> {
    return this.group(name).getByRole('heading', { level: 3 }).allTextContents();
  }
}
