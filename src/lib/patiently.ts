/** Between two looks, in milliseconds. */
const lookMs = 20;

/** Looks until it is true. @returns whether it came true within so many milliseconds. Rejects as it does */
export async function patiently(milliseconds: number, isTrue: () => Promise<boolean>): Promise<boolean> {
  const deadline = performance.now() + milliseconds;
  for (;;) {
    if (await isTrue()) return true;
    if (performance.now() > deadline) return false;
    await new Promise((resolve) => setTimeout(resolve, lookMs));
  }
}
