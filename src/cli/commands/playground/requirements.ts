import { findReal } from '../../delegate/handover.ts';
import { Failure } from '../../failure.ts';

/** Program → the package of Debian that has it. */
const programs: Readonly<Record<string, string>> = {
  ip: 'iproute2',
  nft: 'nftables',
  nsenter: 'util-linux',
  sh: 'dash',
};

/** Hosts are network namespaces. @throws Failure that names all that is missing, with the line that installs it */
export function requirePrograms(path: string): void {
  if (process.platform !== 'linux') {
    throw new Failure('the playground needs Linux; the tour runs anywhere: fairlead tour');
  }
  if (process.getuid?.() !== 0) {
    throw new Failure(
      'the playground needs root, as its hosts are network namespaces; without root: fairlead tour',
    );
  }
  const missing = Object.entries(programs).filter(([name]) => findProgram(name, path) === undefined);
  if (missing.length === 0) return;
  const names = missing.map(([name]) => name).join(', ');
  const packages = missing.map(([, name]) => name).join(' ');
  throw new Failure(`the playground needs ${names}, not installed here: apt-get install ${packages}`);
}

/** Where a program is, system folders included, which a user's PATH may lack. */
export function findProgram(name: string, path: string): string | undefined {
  return findReal(name, `${path}:/usr/local/sbin:/usr/sbin:/sbin`, '');
}
