export const withoutPrograms: readonly string[] = [];
