import { expect, type Page } from '@playwright/test';
import { ContainersPage } from './containers.ts';
import { RunForm } from './run.ts';

/** The form on a container that there is: what it will change, and back. */
export class EditForm extends RunForm {
  readonly list: ContainersPage;

  constructor(page: Page) {
    super(page);
    this.list = new ContainersPage(page);
  }

  async of(name: string): Promise<void> {
    await this.list.menu(name, 'Edit…');
    await expect(this.page.getByRole('dialog', { name: `Edit ${name}` })).toBeVisible();
  }

  async expectChange(from: string, to: string): Promise<void> {
    await expect(this.sheet.locator('del').filter({ hasText: from })).toBeVisible();
    await expect(this.sheet.locator('ins').filter({ hasText: to })).toBeVisible();
  }
}
