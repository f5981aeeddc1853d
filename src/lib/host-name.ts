/** RFC 1123 2.1, and the underscore that Docker's users have in their names. */
const label = /^[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$/;

/** Labels of letters, digits, `-` and `_`, joined by dots. */
export function isHostName(text: string, longest = 253): boolean {
  return text.length <= longest && text.split('.').every((part) => label.test(part));
}

/** What sethostname(2) takes. */
export const longestOwnName = 64;
