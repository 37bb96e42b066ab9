import { Davit } from './davit.ts';
import { expect, expectAccessible, test as base } from './fixtures.ts';
import { ActivityPage } from './pages/activity.ts';
import { ImagesPage } from './pages/images.ts';
import { PlayedRegistry } from './played.ts';

const test = base.extend<{ played: PlayedRegistry }>({
  played: async ({}, use) => {
    const played = await new PlayedRegistry().start();
    await use(played);
    played.stop();
  },
  davit: async ({ played }, use) => {
    const davit = new Davit([process.env.DAVIT_E2E_REGISTRY!], [process.env.DAVIT_E2E_SLOW!, played.host]);
    await use(davit);
    await davit.remove();
  },
});

/** Asks the page's engine for a pull, as the pull dialog does. */
async function pull(app: import('@playwright/test').Page, ref: string): Promise<void> {
  await app.evaluate(async (ref) => {
    const answer = await fetch('/v1/Pull', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify([{ ref, force: true }]) });
    if (!answer.ok) throw new Error(await answer.text());
  }, ref);
}

test('pulls wait in a queue that can be put in order', async ({ app, played }) => {
  played.hold();
  for (const name of ['a', 'b', 'c', 'd']) await pull(app, `${played.host}/${name}:1`);
  const activity = await new ActivityPage(app).open();
  await expect(activity.group('Now').getByRole('article')).toHaveCount(2);
  await expect.poll(() => activity.titles('Next')).toEqual([`Pull ${played.host}/c:1`, `Pull ${played.host}/d:1`]);
  await expect(activity.operation(/\/c:1/)).toContainText('Next');
  await expectAccessible(app, 'queue');
  await activity.operation(/\/d:1/).getByRole('button', { name: /up/ }).click();
  await expect.poll(() => activity.titles('Next')).toEqual([`Pull ${played.host}/d:1`, `Pull ${played.host}/c:1`]);
  await activity.operation(/\/c:1/).getByRole('button', { name: 'Cancel' }).click();
  await expect(activity.operation(/\/c:1/)).toContainText('Cancelled');
  played.release();
  await expect(activity.operation(/\/d:1/)).toContainText('Failed');
  await expect(activity.operation(/\/d:1/).getByRole('button', { name: 'Retry' })).toBeVisible();
});

test('a pull is held, goes on where it was, and says when there was nothing to do', async ({ app }) => {
  const web = `${process.env.DAVIT_E2E_REGISTRY}/web:1.0`;
  const big = `${process.env.DAVIT_E2E_SLOW}/big:latest`;
  await pull(app, big);
  const activity = await new ActivityPage(app).open();
  await expect(activity.operation(big).getByText('Downloading')).toBeVisible();
  await activity.operation(big).getByRole('button', { name: 'Pause' }).click();
  await expect(activity.group('Paused')).toContainText(big);
  await pull(app, web);
  await expect(activity.operation(web).getByRole('button', { name: 'Show Image' })).toBeVisible();
  await pull(app, web);
  await expect(activity.operation(web).first()).toContainText('Up to date');
  await activity.operation(big).getByRole('button', { name: 'Continue' }).click();
  await expect(activity.operation(big).getByText('Downloading')).toBeVisible();
  await activity.operation(big).getByRole('button', { name: 'Cancel' }).click();
  await expect(activity.operation(big)).toContainText('Cancelled');
  await expect((await new ImagesPage(app).open()).row(/web/)).toBeVisible();
});
