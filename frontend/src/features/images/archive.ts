import { platform, router } from '$app/davit.svelte';

interface Loader {
  loadFile: (file: File) => void;
  pickPath: () => Promise<void>;
}

/** Asks for an archive: by the desktop's dialog in the window, by the browser's else. */
export function chooseArchive(loader: Loader): void {
  router.go('images');
  if (platform.pickPath) {
    void loader.pickPath();
    return;
  }
  const input = document.createElement('input');
  input.type = 'file';
  input.accept = '.tar,.tar.gz,.tgz,.tar.zst,.tar.xz,.oci';
  input.onchange = () => {
    const file = input.files?.[0];
    if (file) loader.loadFile(file);
  };
  input.click();
}
