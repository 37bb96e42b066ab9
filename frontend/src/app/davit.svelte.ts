// The page's own things, made once: features import them from here.
import { Client } from '$lib/api/client';
import { Engine } from '$lib/api/engine.svelte';
import { Library } from '$lib/api/library';
import { Live } from '$lib/api/live.svelte';
import { Meter } from '$lib/api/meter.svelte';
import { Files } from '$lib/api/files';
import { Networks } from '$lib/api/networks';
import { detectPlatform } from '$lib/api/platform';
import { Sessions } from '$lib/api/sessions';
import { Specs } from '$lib/api/specs';
import { FetchTransport } from '$lib/api/transport';
import { Volumes } from '$lib/api/volumes';
import { t } from '$lib/i18n';
import { Actions } from './actions';
import { TypedAhead } from './ahead';
import { Clock } from './clock.svelte';
import { Dialogs } from './dialogs.svelte';
import { Frame } from './frame.svelte';
import { Router } from './router.svelte';
import { Settings } from './settings.svelte';
import { Look } from './theme.svelte';
import { Toasts } from './toasts.svelte';

export const session = $state({ signedOut: false });

const transport = new FetchTransport();
transport.onSignedOut = () => (session.signedOut = true);

export const platform = detectPlatform(window);
export const client = new Client(transport);
export const files = new Files(transport);
export const sessions = new Sessions(transport);
export const library = new Library(transport);
export const specs = new Specs(transport);
export const volumes = new Volumes(transport);
export const networks = new Networks(transport);
export const engine = new Engine(client, volumes, networks);
export const checks = new Live(() => client.doctor(), (c) => c.id);
export const registries = new Live(() => client.registries(), (r) => r.host);
export const meter = new Meter(client, document);
export const router = new Router(window);
export const settings = new Settings(storage());
export const frame = new Frame(settings, window);
export const look = new Look(settings, platform, window);
export const toasts = new Toasts();
export const dialogs = new Dialogs();
export const actions = new Actions();
export const clock = new Clock(document);
export const ahead = new TypedAhead(window);

export async function copy(text: string, said: string = t.common.copied): Promise<void> {
  try {
    await platform.copy(text);
    toasts.show(said);
  } catch {
    toasts.show(t.common.copyFailed);
  }
}

function storage(): Storage | undefined {
  try {
    return window.localStorage;
  } catch {
    return undefined; // forbidden by the browser's settings
  }
}
