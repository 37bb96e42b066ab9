import { client, engine, router } from '$app/davit.svelte';
import { asApiError, type ApiError } from '$lib/api/errors';

/** The image that is built into Davit, run by one click. */
class Sample {
  busy = $state(false);
  error = $state.raw<ApiError>();

  async run(): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    this.error = undefined;
    try {
      const image = await client.loadSample();
      const made = await client.create({ image: image.names[0] ?? image.id, publishAll: true });
      await client.start(made.id);
      await engine.containers.refresh();
      router.go('containers', made.id, 'logs');
    } catch (thrown) {
      this.error = asApiError(thrown);
      await engine.containers.refresh();
    }
    this.busy = false;
  }
}

export const sample = new Sample();
