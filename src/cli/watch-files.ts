import { type FSWatcher, watch } from 'node:fs';
import { basename, dirname } from 'node:path';

/** How long further changes are waited for: an editor writes a file in several steps. */
const settleMs = 100;

/** Waits until one of these files is written, made or removed. */
export function nextChange(paths: readonly string[]): Promise<void> {
  // Folders are watched, since most editors put a new file in the place of the old one.
  const folders = new Map<string, Set<string>>();
  for (const path of paths) {
    const names = folders.get(dirname(path)) ?? new Set();
    names.add(basename(path));
    folders.set(dirname(path), names);
  }
  return new Promise((resolve, reject) => {
    const watchers: FSWatcher[] = [];
    let timer: NodeJS.Timeout | undefined;
    const end = (settle: () => void): void => {
      for (const watcher of watchers) watcher.close();
      settle();
    };
    for (const [folder, names] of folders) {
      const watcher = watch(folder, (_, name) => {
        if (name !== null && !names.has(name)) return;
        clearTimeout(timer);
        timer = setTimeout(() => end(resolve), settleMs);
      });
      watcher.on('error', (error) => end(() => reject(error)));
      watchers.push(watcher);
    }
  });
}
