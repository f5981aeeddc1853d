import type { Readable } from 'node:stream';

/** Milliseconds without output after which an ended program's pipe counts as empty. */
const quiet = 50;

/**
 * Resolves when the streams have ended, or, where a background process still holds a pipe open, when
 * nothing more has come for a moment, unless the streams are `blocked`. For after the program's end.
 */
export function drained(
  streams: readonly (Readable | null)[],
  blocked: () => boolean = () => false,
): Promise<void> {
  const open = new Set(streams.filter((stream) => stream !== null && !stream.destroyed));
  if (open.size === 0) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setInterval(() => blocked() || done(), quiet);
    const done = () => {
      clearInterval(timer);
      resolve();
    };
    for (const stream of open) {
      stream?.on('data', () => timer.refresh());
      stream?.once('close', () => {
        open.delete(stream);
        if (open.size === 0) done();
      });
    }
  });
}
