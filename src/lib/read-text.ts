import { readFileSync } from 'node:fs';

/** Undefined when there is no such file, or it cannot be read. */
export function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
