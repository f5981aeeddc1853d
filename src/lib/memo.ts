/**
 * `work`, done again only when the list has another element or order than the last time. For values that
 * are replaced when they change, never changed in place.
 */
export function ofSameElements<T, R>(work: (list: readonly T[]) => R): (list: readonly T[]) => R {
  let last: { readonly list: readonly T[]; readonly result: R } | undefined;
  return (list) => {
    const same =
      last !== undefined &&
      last.list.length === list.length &&
      last.list.every((each, i) => each === list[i]);
    if (!last || !same) last = { list: [...list], result: work(list) };
    return last.result;
  };
}
