import { Struct, type Value } from '../template/values.ts';

/** Go's time.Time.String(): RFC 3339 in other words, without the fraction's trailing zeros. */
export function goTimeText(time: string): string {
  const [, date = time, clock = '', fraction = ''] = /^(\S+)T(\d\d:\d\d:\d\d)(\.\d+)?Z$/.exec(time) ?? [];
  return clock ? `${date} ${clock}${fraction.replace(/\.?0+$/, '')} +0000 UTC` : date;
}

/** A time as a template sees it; of its methods those that take nothing and give a number. */
export function goTime(time: Value): Value {
  if (typeof time !== 'string') return time;
  const at = new Date(time);
  const methods = {
    Year: () => at.getUTCFullYear(),
    Day: () => at.getUTCDate(),
    Hour: () => at.getUTCHours(),
    Minute: () => at.getUTCMinutes(),
    Second: () => at.getUTCSeconds(),
    Unix: () => Math.floor(at.getTime() / 1000),
    UnixMilli: () => at.getTime(),
  };
  const json = time.replace(/\.?0*Z$/, 'Z');
  return new Struct('time.Time', {}, methods, { json, text: goTimeText(time) });
}
