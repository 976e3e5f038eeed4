import { dateTimeFormat, dateTimeFormatTimeAgo } from '@grafana/data';

export const ago = (ms: number) => (ms > 0 ? dateTimeFormatTimeAgo(ms) : 'never');
export const at = (ms: number) => (ms > 0 ? dateTimeFormat(ms) : '');

// count shortens large numbers the way people read them: 1.2k, 3.4M.
export function count(n: number): string {
  if (n < 1000) {
    return String(n);
  }
  const unit = n < 1e6 ? 'k' : n < 1e9 ? 'M' : 'G';
  const v = n / (unit === 'k' ? 1e3 : unit === 'M' ? 1e6 : 1e9);
  return `${v < 10 ? v.toFixed(1) : Math.round(v)}${unit}`;
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
