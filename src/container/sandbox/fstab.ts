/** Mounts as fstab(5) has them, for one `mount --all` that does them in their order. */
export function fstabLine(source: string, target: string, type: string, options: string): string {
  return `${word(source)} ${word(target)} ${type} ${word(options)} 0 0\n`;
}

/** White space, control characters, `#` and backslashes in octal. */
function word(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not stand in a line
  return text.replaceAll(/[\s\\#\u0000-\u001f\u007f]/g, (character) => {
    return `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`;
  });
}
