// Where keys lead on the page that is seen.

/** The search field of the innermost open part: the log's, else the list's. */
export function focusSearch(): void {
  const fields = [...document.querySelectorAll<HTMLInputElement>('input[role=searchbox]')];
  const field = fields.filter((f) => f.offsetParent !== null && !f.closest('[inert]')).pop();
  field?.focus();
  field?.select();
}

export function focusMainMenu(): void {
  document.querySelector<HTMLElement>('[data-main-menu] button')?.click();
}

/** The first field of a form that is wrong. */
export function focusInvalid(form: HTMLElement | undefined): void {
  form?.querySelector<HTMLElement>('[aria-invalid]')?.focus();
}
