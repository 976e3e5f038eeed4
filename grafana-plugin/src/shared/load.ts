import { useEffect, useState } from 'react';
import { message } from './api';

export interface Loaded<T> {
  value?: T;
  error?: string;
  loading: boolean;
}

// useLoad runs f whenever a dependency changes and drops answers that came too
// late: the newest question wins.
export function useLoad<T>(f: () => Promise<T>, deps: unknown[]): Loaded<T> {
  const [state, setState] = useState<Loaded<T>>({ loading: true });
  useEffect(() => {
    let stale = false;
    setState((s) => ({ value: s.value, loading: true }));
    f().then(
      (value) => !stale && setState({ value, loading: false }),
      (err) => !stale && setState({ error: message(err), loading: false })
    );
    return () => {
      stale = true;
    };
    // The caller names what f depends on.
  }, deps);
  return state;
}
