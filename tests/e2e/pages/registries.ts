import type { Locator, Page } from '@playwright/test';
import { go } from '../fixtures.ts';

/** The registries that Davit knows, and the order of short names. */
export class RegistriesPage {
  readonly order: Locator;

  constructor(readonly page: Page) {
    this.order = page.getByRole('list', { name: 'Asked in this order' });
  }

  async open(): Promise<this> {
    await go(this.page, '#/registries');
    return this;
  }

  row(host: string): Locator {
    return this.page.getByRole('list', { name: 'Registries' }).getByRole('listitem').filter({ hasText: host });
  }

  async menu(host: string, item: string): Promise<void> {
    await this.row(host).getByRole('button', { name: /More actions/ }).click();
    await this.page.getByRole('menuitem', { name: item }).click();
  }
}
