export interface Toast {
  text: string;
  action?: { title: string; run: () => void };
  /** Called once when it goes without its action having been used. */
  onexpire?: () => void;
  seconds: number;
}

/** One result at a time, told away from where one looks. */
export class Toasts {
  current = $state.raw<Toast>();
  private timer: ReturnType<typeof setTimeout> | undefined;

  show(text: string, more: Partial<Omit<Toast, 'text'>> = {}): void {
    this.expire();
    this.current = { text, seconds: 5, ...more };
    this.resume();
  }

  /** Stays as long as one points at it or has it focused. */
  hold(): void {
    clearTimeout(this.timer);
  }

  resume(): void {
    clearTimeout(this.timer);
    if (this.current) this.timer = setTimeout(() => this.expire(), this.current.seconds * 1000);
  }

  act(): void {
    const toast = this.take();
    toast?.action?.run();
  }

  expire(): void {
    this.take()?.onexpire?.();
  }

  private take(): Toast | undefined {
    clearTimeout(this.timer);
    const toast = this.current;
    this.current = undefined;
    return toast;
  }
}
