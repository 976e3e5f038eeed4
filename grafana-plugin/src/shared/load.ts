import { useCallback, useEffect, useState } from 'react';
import { message } from './api';
import type { Api } from './api';
import type { Me } from './types';

export interface Loaded<T> {
  value?: T;
  error?: string;
  loading: boolean;
  again: () => void; // Asks once more, after a failure.
}

// useLoad runs f whenever a dependency changes and drops answers that came too
// late: the newest question wins.
export function useLoad<T>(f: () => Promise<T>, deps: unknown[]): Loaded<T> {
  const [state, setState] = useState<Omit<Loaded<T>, 'again'>>({ loading: true });
  const [tries, setTries] = useState(0);
  const again = useCallback(() => setTries((n) => n + 1), []);
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
  }, [...deps, tries]);
  return { ...state, again };
}

// useMe is what the person may do. Where that cannot be asked, it is nothing, and
// the reason says why.
export function useMe(api?: Api): Me | undefined {
  const me = useLoad(() => (api ? api.me() : Promise.resolve(undefined)), [api]);
  return me.error ? { login: '', role: '', canTriage: false, reason: me.error } : me.value;
}
