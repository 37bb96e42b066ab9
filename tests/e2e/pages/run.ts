import type { Locator, Page } from '@playwright/test';

/** The form for running or editing a container. */
export class RunForm {
  readonly sheet: Locator;
  readonly image: Locator;
  readonly name: Locator;
  readonly line: Locator;

  constructor(readonly page: Page) {
    this.sheet = page.getByRole('dialog');
    this.image = this.sheet.getByLabel('Image', { exact: true });
    this.name = this.sheet.getByLabel('Name', { exact: true });
    this.line = this.sheet.getByRole('group', { name: 'The same on the command line' });
  }

  async open(): Promise<void> {
    await this.page.getByRole('button', { name: 'Run…' }).click();
  }

  async paste(text: string): Promise<void> {
    await this.sheet.getByRole('button', { name: 'Paste…' }).click();
    await this.sheet.getByLabel('What you have').fill(text);
    await this.sheet.getByRole('button', { name: 'Fill In the Form' }).click();
  }

  section(title: string): Locator {
    return this.sheet.getByRole('button', { name: new RegExp(`^${title}`) });
  }

  field(label: string): Locator {
    return this.sheet.getByLabel(label, { exact: true });
  }

  async copyAs(form: string): Promise<string> {
    await this.sheet.getByRole('button', { name: 'Copy As' }).click();
    await this.page.getByRole('menuitem', { name: `Copy As ${form}` }).click();
    await this.page.getByText(`Copied as ${form}`, { exact: false }).waitFor();
    return this.page.evaluate(() => navigator.clipboard.readText());
  }

  go(verb = 'Run'): Locator {
    return this.sheet.getByRole('button', { name: verb, exact: true });
  }
}
