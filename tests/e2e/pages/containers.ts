import type { Locator, Page } from '@playwright/test';

/** The list of containers. */
export class ContainersPage {
  readonly filter: Locator;
  readonly rows: Locator;

  constructor(readonly page: Page) {
    this.filter = page.getByRole('searchbox', { name: 'Filter containers' });
    this.rows = page.getByRole('row');
  }

  row(name: string): Locator {
    return this.page.getByRole('row').filter({ has: this.page.getByTitle(name, { exact: true }) });
  }

  /** The names in the list, from top to bottom, as far as they are drawn. */
  async names(): Promise<string[]> {
    return this.page.locator('[role=row][data-key] .name').allTextContents();
  }

  async select(...names: string[]): Promise<void> {
    for (const name of names) await this.row(name).getByRole('checkbox').check();
  }

  async menu(name: string, ...items: string[]): Promise<void> {
    await this.row(name).click({ button: 'right' });
    for (const item of items) await this.page.getByRole('menuitem', { name: item, exact: true }).click();
  }

  toolbar(verb: string): Locator {
    return this.page.getByRole('toolbar').getByRole('button', { name: verb, exact: true });
  }

  undo(): Locator {
    return this.page.getByRole('status').getByRole('button', { name: 'Undo' });
  }
}
