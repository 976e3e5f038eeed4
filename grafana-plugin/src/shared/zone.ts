import { createContext, useContext, useMemo } from 'react';
import { at, clock, mark } from './format';

// Zone is the time zone of what is drawn: a dashboard has its own, a page that of
// the person.
export const Zone = createContext<string | undefined>(undefined);

// useTimes writes moments in the time zone of where they are shown.
export function useTimes() {
  const zone = useContext(Zone);
  return useMemo(
    () => ({
      at: (ms: number) => at(ms, zone),
      clock: (ms: number) => clock(ms, zone),
      mark: (ms: number, days: boolean) => mark(ms, days, zone),
    }),
    [zone]
  );
}
