import { expect, type Locator, type Page } from '@playwright/test';
import { go } from '../fixtures.ts';

/** The search over all registries. */
export class SearchPage {
  readonly box: Locator;
  readonly sources: Locator;

  constructor(readonly page: Page) {
    this.box = page.getByRole('searchbox', { name: 'Search all registries' });
    this.sources = page.getByRole('toolbar', { name: 'Registries' });
  }

  async open(): Promise<this> {
    await go(this.page, '#/search');
    await expect(this.box).toBeFocused();
    return this;
  }

  /** What one registry answered. */
  of(registry: string): Locator {
    return this.page.getByRole('region', { name: registry });
  }

  /** The registries whose answers are shown, from the top. */
  async order(): Promise<string[]> {
    return this.page.getByRole('main').getByRole('heading', { level: 2 }).allTextContents();
  }

  async paste(text: string): Promise<void> {
    await this.page.evaluate((t) => navigator.clipboard.writeText(t), text);
    await this.box.focus();
    await this.page.keyboard.press('Control+v');
  }
}

/** A repository's page. */
export class RepositoryPage {
  readonly full: Locator;
  readonly tags: Locator;

  constructor(readonly page: Page) {
    this.full = page.getByLabel('Complete name');
    this.tags = page.getByRole('grid', { name: 'Tags' });
  }

  async open(name: string): Promise<this> {
    await go(this.page, `#/search/${encodeURIComponent(name)}`);
    await expect(this.full).toContainText(name);
    return this;
  }

  tag(name: string): Locator {
    return this.tags.getByRole('row').filter({ has: this.page.getByText(name, { exact: true }) });
  }

  async readme(): Promise<Locator> {
    await this.page.getByRole('tab', { name: 'Read Me' }).click();
    return this.page.getByRole('article');
  }
}
