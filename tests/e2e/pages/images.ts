import { writeFileSync } from 'node:fs';
import { expect, type Locator, type Page } from '@playwright/test';
import type { Davit } from '../davit.ts';
import { go } from '../fixtures.ts';

/** The list of images. */
export class ImagesPage {
  readonly grid: Locator;

  constructor(readonly page: Page) {
    this.grid = page.getByRole('grid', { name: 'Images' }).or(page.getByRole('treegrid', { name: 'Images' }));
  }

  async open(): Promise<this> {
    await go(this.page, '#/images');
    await expect(this.page.getByRole('heading', { name: 'Images', exact: true })).toBeVisible();
    return this;
  }

  row(name: string | RegExp): Locator {
    return this.grid.getByRole('row', { name });
  }

  /** The names in the list, from the top. */
  async names(): Promise<string[]> {
    return (await this.grid.locator('.name').allTextContents()).map((text) => text.trim());
  }

  async arrange(item: string): Promise<void> {
    await this.page.getByRole('button', { name: 'Arrange' }).click();
    await this.page.getByRole('menuitemradio', { name: item }).or(this.page.getByRole('menuitemcheckbox', { name: item })).click();
  }

  async more(item: string): Promise<void> {
    await this.page.getByRole('button', { name: 'More Actions', exact: true }).click();
    await this.page.getByRole('menuitem', { name: item }).click();
  }

  undo(): Locator {
    return this.page.getByRole('status').getByRole('button', { name: 'Undo' });
  }

  /** Ends the time in which one could call back what was done. */
  async settle(): Promise<void> {
    await this.page.getByRole('status').getByRole('button', { name: 'Close' }).click();
  }

  async detail(name: string | RegExp, tab: string): Promise<Locator> {
    await this.row(name).click();
    return this.tab(tab);
  }

  async tab(tab: string): Promise<Locator> {
    await this.page.getByRole('tab', { name: tab }).click();
    return this.page.getByRole('tabpanel', { name: tab });
  }
}

/** Puts an archive into the store, by the command line. */
export async function load(davit: Davit, name: string, archive: Buffer): Promise<void> {
  const path = davit.path(`${name}.tar`);
  writeFileSync(path, archive);
  await davit.cli('load', '-i', path);
}
