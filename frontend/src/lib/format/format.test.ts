import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { age, ago, bytes, compact, familiarName, hundredths, imageName, localeOf, percent, shortID } from '.';
import { t } from '$lib/i18n';

const now = Date.parse('2026-05-01T12:00:00Z');

/** Between the marks that keep a text's direction from what is around it. */
const apart = (text: string) => `\u2068${text}\u2069`;

describe('localeOf', () => {
  it.each([
    ['de-AT', 'de-AT'],
    ['C', 'en'],
    ['', 'en'],
  ])('%s is %s', (language, locale) => expect(localeOf(language)).toBe(locale));
});

describe('bytes', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.0 kB'],
    [9949, '9.9 kB'],
    [999_600, '1.0 MB'],
    [67_300_000, '67 MB'],
    [1_250_000_000, '1.3 GB'],
  ])('%d is %s', (n, text) => expect(bytes(n)).toBe(text));
});

describe('times', () => {
  it('tells how long ago', () => {
    expect(ago('2026-05-01T11:55:00Z', now)).toBe('5 minutes ago');
    expect(ago('2026-04-30T12:00:00Z', now)).toBe('yesterday');
    expect(ago('2026-05-01T12:00:03Z', now)).toBe('now');
  });
  it('has a short form', () => {
    expect(age('2026-05-01T11:55:00Z', now)).toBe('5 min');
    expect(age('2026-05-01T11:59:55Z', now)).toBe('5 s');
  });
  it('says nothing for times that are none', () => {
    expect(ago(undefined, now)).toBe('');
    expect(ago('0001-01-01T00:00:00Z', now)).toBe('');
    expect(age('1970-01-01T00:00:00Z', now)).toBe('');
  });
});

describe('numbers with units from right to left', () => {
  beforeEach(() => void vi.stubGlobal('document', { documentElement: { dir: 'rtl' } }));
  afterEach(() => void vi.unstubAllGlobals());
  it.each([
    [() => bytes(6_300_000), apart('6.3 MB')],
    [() => age('2026-05-01T11:00:00Z', now), apart('1 h')],
    [() => ago('2026-05-01T11:55:00Z', now), apart('5 minutes ago')],
    [() => percent(1, 3), apart('33%')],
    [() => compact(12_345), apart('12.3K')],
    [() => hundredths(3.42), apart('3.4 %')],
    [() => hundredths(120.2), apart('120 %')],
    [() => t.stats.seconds('1.5'), apart('1.5 s')],
    [() => t.stats.perSecond(bytes(1500)), apart(`${apart('1.5 kB')}/s`)],
    [() => t.stats.spans['15m'], apart('15 min')],
  ])('%s keeps its order', (text, want) => expect(text()).toBe(want));
});

describe('names', () => {
  it('splits complete names', () => {
    expect(imageName('docker.io/library/nginx:1.27')).toEqual({ host: 'docker.io', path: 'library/nginx', tag: '1.27' });
    expect(imageName('127.0.0.1:5000/web:latest')).toEqual({ host: '127.0.0.1:5000', path: 'web', tag: 'latest' });
    expect(imageName('localhost/a')).toEqual({ host: 'localhost', path: 'a', tag: '' });
    const digest = `ghcr.io/a/b@sha256:${'ab'.repeat(32)}`;
    expect(imageName(digest)).toEqual({ host: 'ghcr.io', path: 'a/b', tag: 'abababababab' });
  });
  it('shortens for lists', () => {
    expect(familiarName('docker.io/library/nginx:latest')).toBe('nginx');
    expect(familiarName('docker.io/grafana/grafana:11')).toBe('grafana/grafana:11');
    expect(familiarName(`sha256:${'0f'.repeat(32)}`)).toBe('0f0f0f0f0f0f');
    expect(shortID(`sha256:${'0f'.repeat(32)}`)).toBe('0f0f0f0f0f0f');
  });
});
