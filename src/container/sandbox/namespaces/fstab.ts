import { randomBytes } from 'node:crypto';

/** Mounts as fstab(5) has them, for one `mount --all` that does them in their order. */

/**
 * `mount --all` leaves out a line whose source is mounted in its place already, such as a host's own tmpfs on /tmp. So what
 * has no source gets one that nobody else has; a bind is left out where the same is there, with the flags of that (see
 * `lockedMounts` in owner-files.ts).
 */
const ownSource = `fairlead-${randomBytes(4).toString('hex')}`;

/** A file system that is made anew: tmpfs, sysfs and the like. */
export function newLine(type: string, target: string, options: string): string {
  return fstabLine(newSource(type), target, type, options);
}

/** Of what is bound later, too: where the host's /dev is a tmpfs, as in a container, one of the same name was left out. */
export function newSource(type: string): string {
  return `${ownSource}-${type}`;
}

export function bindLine(source: string, target: string, options = 'bind'): string {
  return fstabLine(source, target, 'none', options);
}

/** Other flags for what is mounted there: all of them. */
export function remountLine(target: string, flags: readonly string[]): string {
  return fstabLine(`${ownSource}-remount`, target, 'none', ['remount', 'bind', ...flags].join(','));
}

function fstabLine(source: string, target: string, type: string, options: string): string {
  return `${word(source)} ${word(target)} ${type} ${word(options)} 0 0\n`;
}

/** White space, control characters, `#` and backslashes in octal. */
function word(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not stand in a line
  return text.replaceAll(/[\s\\#\u0000-\u001f\u007f]/g, (character) => {
    return `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`;
  });
}
