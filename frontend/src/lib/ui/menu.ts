import type { IconName } from './icons';

export interface MenuItem {
  id: string;
  title: string;
  icon?: IconName;
  shortcut?: string;
  disabled?: boolean;
  destructive?: boolean;
  /** A line above. */
  separated?: boolean;
  run: () => void;
}
