import { execFileSync } from 'node:child_process';

/** Debian's variables for who packages, else who made the newest commit. */
export function maintainer() {
  const { DEBFULLNAME: name, DEBEMAIL: address } = process.env;
  if (name && address) return `${name} <${address}>`;
  try {
    return execFileSync('git', ['log', '-1', '--format=%an <%ae>'], { encoding: 'utf8' }).trim();
  } catch {
    throw new Error('no git to take a maintainer from: set DEBFULLNAME and DEBEMAIL');
  }
}
