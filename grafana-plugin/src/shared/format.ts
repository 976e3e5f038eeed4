import { dateTimeFormat, dateTimeFormatTimeAgo } from '@grafana/data';

export const ago = (ms: number) => (ms > 0 ? dateTimeFormatTimeAgo(ms) : 'never');
export const at = (ms: number, timeZone?: string) => (ms > 0 ? dateTimeFormat(ms, { timeZone }) : '');

// mark is a point of an axis, as fine as its points are.
export const mark = (ms: number, days: boolean, timeZone?: string) => dateTimeFormat(ms, { timeZone, format: days ? 'YYYY-MM-DD' : 'YYYY-MM-DD HH:mm' });

// clock is the time of day to the millisecond: breadcrumbs lie close together.
export const clock = (ms: number, timeZone?: string) => (ms > 0 ? dateTimeFormat(ms, { timeZone, format: 'HH:mm:ss.SSS' }) : '');

// count shortens large numbers the way people read them: 1.2k, 3.4M.
export function count(n: number): string {
  if (n < 1000) {
    return String(n);
  }
  const unit = n < 1e6 ? 'k' : n < 1e9 ? 'M' : 'G';
  const v = n / (unit === 'k' ? 1e3 : unit === 'M' ? 1e6 : 1e9);
  return `${v < 10 ? v.toFixed(1) : Math.round(v)}${unit}`;
}

// duration shortens milliseconds to three or so digits and their unit.
export function duration(ms: number): string {
  if (ms <= 0) {
    return '0 ms';
  }
  if (ms < 1) {
    return `${Math.round(ms * 1000)} µs`;
  }
  if (ms < 1000) {
    return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
  }
  return ms < 60_000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms / 60_000)} min`;
}

const AGES: Array<[number, string]> = [[365 * 86400, 'y'], [30 * 86400, 'mo'], [86400, 'd'], [3600, 'h'], [60, 'min']];

// age is how long ago something was, in as few letters as a column takes.
export function age(ms: number, now = Date.now()): string {
  if (ms <= 0) {
    return 'never';
  }
  const seconds = Math.max(0, (now - ms) / 1000);
  const [width, unit] = AGES.find(([w]) => seconds >= w) ?? [0, ''];
  return width ? `${Math.floor(seconds / width)}${unit} ago` : 'just now';
}

export const percent = (share: number) => `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`;

// text renders any JSON value on one line or as indented JSON.
export function text(v: unknown): string {
  if (typeof v === 'string') {
    return v;
  }
  return typeof v === 'object' && v !== null ? JSON.stringify(v, null, 2) : String(v);
}

// crumbTime reads a breadcrumb's time in either form: seconds or RFC 3339.
export function crumbTime(t?: number | string): number {
  if (typeof t === 'number') {
    return t * 1000;
  }
  const ms = t ? Date.parse(t) : NaN;
  return isNaN(ms) ? 0 : ms;
}
