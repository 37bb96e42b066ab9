import { defineConfig } from '@playwright/test';
import { out } from './places.ts';

// The browser front over `davit serve` with real containers. DAVIT_BIN is the
// directory of the binaries (default build/bin); runs as an unprivileged user.
export default defineConfig({
  testDir: '.',
  testMatch: '*.spec.ts',
  globalSetup: './setup.ts',
  outputDir: `${out}/results`,
  workers: 1,
  timeout: 120_000, // of a whole journey on a busy computer; each wait has its own
  expect: { timeout: 20_000 },
  reporter: [['list']],
  use: {
    browserName: 'chromium',
    viewport: { width: 1120, height: 720 },
    locale: 'en-GB',
    timezoneId: 'UTC',
    permissions: ['clipboard-read', 'clipboard-write'],
    screenshot: 'only-on-failure',
    launchOptions: {
      executablePath: process.env.DAVIT_CHROMIUM ?? '/usr/bin/chromium',
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    },
  },
});
