import type { Locator, Page } from '@playwright/test';
import { expect, expectAccessible, go, pictures, settled, shot, test } from './fixtures.ts';
import { out } from './places.ts';

/** What every component looks like as the page itself knows it: heights, colours, corners, weights. Widths follow the machine's fonts and are left out. */
async function looks(page: Page): Promise<string> {
  await settled(page);
  return page.evaluate(() => {
    const lines: string[] = [];
    const shown = 'button,input,select,textarea,[role],p,h2,h3,label,pre,code,kbd,hr,svg,.badge,.row,.surface';
    for (const cell of document.querySelectorAll<HTMLElement>('[data-cell]')) {
      lines.push(`# ${cell.dataset.cell}`);
      for (const part of cell.querySelectorAll<HTMLElement>(shown)) {
        const style = getComputedStyle(part);
        const box = part.getBoundingClientRect();
        if (box.height === 0 || style.visibility === 'hidden') continue;
        const name = part.tagName.toLowerCase() + [...part.classList].filter((c) => !c.startsWith('svelte-')).map((c) => `.${c}`).join('');
        const edge = style.borderTopWidth === '0px' ? 'none' : `${style.borderTopWidth} ${style.borderTopColor}`;
        // What turns is as high as it is turned.
        const text = part.matches('.busy,p,label,pre,code,h2,h3,[role=row],[role=group],[role=status],[role=alert]');
        lines.push([name, text ? '' : `${Math.round(box.height)}px`, style.color, style.backgroundColor, edge, style.borderTopLeftRadius, `${style.fontSize}/${style.fontWeight}`].filter(Boolean).join(' | '));
      }
    }
    return `${lines.join('\n')}\n`;
  });
}

async function root(page: Page, data: Record<string, string>): Promise<void> {
  await page.evaluate((wanted) => Object.assign(document.documentElement.dataset, wanted), data);
}

test('every component in every state looks as it did', async ({ app }) => {
  await go(app, '#/gallery');
  await expect(app.getByRole('heading', { name: 'Gallery', level: 1 })).toBeVisible();
  await app.emulateMedia({ reducedMotion: 'reduce' });
  await expectAccessible(app, 'gallery');
  await pictures(app, 'gallery');
  await app.setViewportSize({ width: 1120, height: 720 });
  for (const theme of ['light', 'dark']) {
    await root(app, { theme });
    expect(await looks(app)).toMatchSnapshot(`gallery-${theme}.txt`);
  }
  await root(app, { theme: 'light', contrast: 'more', density: 'compact' });
  expect(await looks(app)).toMatchSnapshot('gallery-contrast-compact.txt');
  await expectAccessible(app, 'gallery, more contrast, compact');
  await shot(app, `${out}/gallery-contrast-compact.png`);
});

/** What a part is drawn with; outlines of no width are none. */
async function drawn(part: Locator): Promise<{ outline: string; colour: string; paint: string; canvas: string }> {
  return part.evaluate((one) => {
    const style = getComputedStyle(one);
    const shape = getComputedStyle(one.querySelector('circle, path') ?? one);
    const canvas = getComputedStyle(document.body).backgroundColor;
    const outline = style.outlineStyle === 'none' ? '' : `${style.outlineWidth} ${style.outlineColor}`;
    return { outline, colour: style.color, paint: shape.fill === 'none' ? shape.stroke : shape.fill, canvas };
  });
}

test("the person's own colours show what is chosen, what has the focus and each state", async ({ app }) => {
  await go(app, '#/gallery');
  await expect(app.getByRole('heading', { name: 'Gallery', level: 1 })).toBeVisible();
  for (const [colorScheme, theme] of [['light', 'dark'], ['dark', 'light']] as const) {
    // The page's own theme is the other one: nothing of it may be left.
    await app.emulateMedia({ forcedColors: 'active', colorScheme, reducedMotion: 'reduce' });
    await root(app, { theme });
    await settled(app);
    const { canvas, colour: text } = await drawn(app.getByRole('heading', { name: 'Gallery', level: 1 }));
    expect(text).not.toBe(canvas);

    const rows = app.locator('[data-cell=list]').getByRole('row');
    expect((await drawn(rows.nth(0))).outline).toBe('');
    for (const chosen of [rows.nth(1), rows.nth(2)]) expect((await drawn(chosen)).outline).toMatch(/^2px /);
    await rows.nth(1).focus();
    await app.keyboard.press('ArrowDown'); // to the one that is selected
    await expect(rows.nth(2)).toBeFocused();
    expect((await drawn(rows.nth(2))).outline).toBe(`3px ${text}`);
    expect((await drawn(rows.nth(1))).outline).not.toContain(text);

    await app.locator('[data-cell=inputs]').getByRole('textbox').first().focus();
    expect((await drawn(app.locator(':focus'))).outline).toBe(`3px ${text}`);
    await app.locator('[data-cell=inputs]').getByRole('searchbox').focus();
    expect((await drawn(app.locator('.field:focus-within'))).outline).toMatch(/^2px /);

    for (const mark of await app.locator('[data-cell=marks] .mark:not(.accent)').all()) expect((await drawn(mark)).paint).toBe(text);
    const curve = await drawn(app.locator('[data-cell=spark] svg').first());
    expect(curve.paint).not.toBe(canvas);
    const pressed = await app.locator('[data-cell=icons] [aria-pressed=true]').evaluate((one) => getComputedStyle(one).borderTopWidth);
    expect(pressed).toBe('2px');
    await shot(app, `${out}/gallery-forced-colors-${colorScheme}.png`);
  }
});

const views = ['containers', 'images', 'search', 'volumes', 'networks', 'registries', 'activity', 'setup', 'preferences', 'about', 'gallery'];

test('from right to left, at 200 % and from 360 px to 4K nothing leaves the window', async ({ app, davit }) => {
  await davit.cli('load', '--sample');
  await davit.cli('create', '--name', 'a-rather-long-name-for-a-container', '-P', 'davit.local/sample');
  await app.emulateMedia({ reducedMotion: 'reduce' });
  for (const dir of ['ltr', 'rtl']) {
    await app.evaluate((to) => (document.documentElement.dir = to), dir);
    // 200 % of a window of 1120 px is one of 560 px whose pixels are twice as large.
    for (const [width, height] of [[320, 640], [560, 360], [1120, 720], [3840, 2160]] as const) {
      await app.setViewportSize({ width, height });
      for (const view of views) {
        await go(app, `#/${view}`);
        await settled(app);
        const wide = await app.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        expect(wide, `${view}, ${dir}, ${width} px`).toBeLessThanOrEqual(0);
      }
    }
  }
  await app.setViewportSize({ width: 1120, height: 720 });
  await go(app, '#/containers');
  await app.getByRole('button', { name: 'Run…' }).click();
  await shot(app, `${out}/rtl-run.png`);
  await app.keyboard.press('Escape');
  await shot(app, `${out}/rtl-containers.png`);
});
