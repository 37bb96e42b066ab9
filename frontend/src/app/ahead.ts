// What is typed ahead: keys that are pressed while the part of the page that
// they are meant for is on its way.

const patience = 10_000; // ms

/** Keeps keys while parts of the page are loaded, and gives them to what has the focus then. */
export class TypedAhead {
  private coming = 0;
  private giving = false;
  private keys: KeyboardEvent[] = [];

  constructor(private readonly w: Window) {
    w.addEventListener('keydown', (e) => this.keep(e), true);
  }

  /** The same part: keys wait until it is drawn, or has failed, but not for ever. */
  hold<T>(part: Promise<T>): Promise<T> {
    this.coming++;
    let isOver = false;
    const over = () => {
      if (isOver) return;
      isOver = true;
      this.coming--;
      void this.give();
    };
    // What waits for the part draws it before any timer runs.
    const drawn = () => this.w.setTimeout(over);
    part.then(drawn, drawn);
    this.w.setTimeout(over, patience);
    return part;
  }

  private keep(e: KeyboardEvent): void {
    if (!e.isTrusted || e.isComposing || (this.coming === 0 && !this.giving)) return;
    // Where Tab leads only the browser knows.
    if (e.key === 'Tab' && this.keys.length === 0) return;
    e.preventDefault();
    e.stopImmediatePropagation();
    this.keys.push(e);
  }

  // One after another: a key may open what the next is meant for.
  private async give(): Promise<void> {
    if (this.giving) return;
    this.giving = true;
    try {
      for (let key; this.coming === 0 && (key = this.keys.shift()); ) {
        press(key, this.w.document);
        await new Promise((drawn) => this.w.setTimeout(drawn));
      }
    } finally {
      this.giving = false;
    }
  }
}

// press does what the browser would have done with the key.
function press(key: KeyboardEvent, page: Document): void {
  const at = page.activeElement ?? page.body;
  const { code, location, ctrlKey, shiftKey, altKey, metaKey } = key;
  const again = { key: key.key, code, location, ctrlKey, shiftKey, altKey, metaKey, bubbles: true, cancelable: true, composed: true };
  if (!at.dispatchEvent(new KeyboardEvent('keydown', again)) || ctrlKey || altKey || metaKey) return;
  if (key.key === 'Escape') at.closest('dialog')?.dispatchEvent(new Event('cancel', { cancelable: true }));
  else if (at instanceof HTMLInputElement || at instanceof HTMLTextAreaElement) write(at, key.key);
  else if ((key.key === 'Enter' || key.key === ' ') && at instanceof HTMLElement) at.click();
}

function write(field: HTMLInputElement | HTMLTextAreaElement, key: string): void {
  const { selectionStart: from, selectionEnd: to } = field;
  if (from === null || to === null || field.readOnly) return; // no text
  if (key === 'Backspace') field.setRangeText('', from === to ? Math.max(0, from - 1) : from, to, 'end');
  else if ([...key].length === 1) field.setRangeText(key, from, to, 'end');
  else if (key === 'Enter' && field instanceof HTMLInputElement) return field.form?.requestSubmit();
  else return;
  field.dispatchEvent(new InputEvent('input', { data: key, inputType: 'insertText', bubbles: true }));
}
