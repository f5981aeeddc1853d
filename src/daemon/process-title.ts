/** Options of --kv-store-opt that are secrets themselves, and not the files that hold them. */
const secret = /((?:^|=)(?:kv\.)?(?:token|password)=).+/s;

/**
 * The words of the command line without secrets, if there is one among them: `ps` shows every user what is on
 * it. For a moment after the start it stands there all the same.
 */
export function titleWithoutSecrets(words: readonly string[]): string | undefined {
  const masked = words.map((word) => word.replace(secret, '$1***'));
  return masked.some((word, i) => word !== words[i]) ? masked.join(' ') : undefined;
}
