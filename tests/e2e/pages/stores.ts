import type { Locator, Page } from '@playwright/test';

/** The lists of volumes and of networks. */
export class StorePage {
  constructor(readonly page: Page) {}

  row(name: string): Locator {
    return this.page.getByRole('row').filter({ has: this.page.getByTitle(name, { exact: true }) });
  }

  async create(button: string, name: string, verb: string): Promise<void> {
    await this.page.getByRole('button', { name: button }).first().click();
    const dialog = this.page.getByRole('dialog');
    await dialog.getByLabel('Name', { exact: true }).fill(name);
    await dialog.getByRole('button', { name: verb, exact: true }).click();
  }

  async menu(name: string, item: string): Promise<void> {
    await this.row(name).click({ button: 'right' });
    await this.page.getByRole('menuitem', { name: item }).click();
  }
}
