/** Whether a variable's name says that its value is nobody else's business. */
export function looksSecret(name: string): boolean {
  return /pass(?:word|wd|phrase)?$|passw|secret|token|credential|private[_-]?key|api[_-]?key|access[_-]?key|auth[_-]?key|encryption[_-]?key/i.test(name) && !/_FILE$/i.test(name);
}
