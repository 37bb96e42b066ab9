import { en } from './en';

/** The words of the page. English is the only catalogue so far. */
export const t = en;
