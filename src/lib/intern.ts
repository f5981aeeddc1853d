/** At this many it begins anew: what is gone must not be kept for ever. */
const maxTexts = 65536;
const texts = new Map<string, string>();

/** The same text, in the one copy that all callers get; for texts that come again and again. */
export function intern(text: string): string {
  const known = texts.get(text);
  if (known !== undefined) return known;
  if (texts.size >= maxTexts) texts.clear();
  texts.set(text, text);
  return text;
}
