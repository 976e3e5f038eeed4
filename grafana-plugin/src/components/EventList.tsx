import React, { useState } from 'react';
import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { Badge, Button, LoadingPlaceholder, useStyles2 } from '@grafana/ui';
import type { Api } from '../shared/api';
import type { Place } from '../shared/types';
import { useLoad } from '../shared/load';
import { useTimes } from '../shared/zone';
import { Failed } from './Failed';

export interface EventListProps {
  api: Api;
  project: number | string;
  issue: string;
  shown?: string; // The event that is open.
  onOpen: (event: string) => void;
}

// EventList pages through all events of an issue that are kept. A page stays
// where it is while new events come.
export function EventList({ api, project, issue, shown, onOpen }: EventListProps) {
  const s = useStyles2(styles);
  const { at } = useTimes();
  const [place, setPlace] = useState<Place>();
  const page = useLoad(() => api.events(project, issue, place), [api, project, issue, JSON.stringify(place)]);
  if (page.error) {
    return <Failed title="Cannot list the events" error={page.error} again={page.again} />;
  }
  if (!page.value) {
    return <LoadingPlaceholder text="Loading events" />;
  }
  const { events, older, newer } = page.value;
  if (!events.length) {
    return <p className={s.muted}>No event is kept any more.</p>;
  }
  const go = (label: string, enabled: boolean, to: Place) => (
    <Button size="sm" variant="secondary" disabled={!enabled || page.loading} onClick={() => setPlace(to)}>
      {label}
    </Button>
  );
  return (
    <div>
      <table className={s.table} aria-label="Events of the issue">
        <thead>
          <tr>
            <th scope="col">Time</th>
            <th scope="col">Event</th>
            <th scope="col">Title</th>
            <th scope="col">Environment</th>
            <th scope="col">Release</th>
            <th scope="col">User</th>
          </tr>
        </thead>
        <tbody>
          {events.map((e) => (
            <tr key={e.eventId} aria-current={e.eventId === shown || undefined}>
              <td>{at(e.ts)}</td>
              <td>
                <Button size="sm" variant="secondary" fill="text" onClick={() => onOpen(e.eventId)} aria-label={`Show event ${e.eventId}`}>
                  {e.eventId.slice(0, 8)}
                </Button>
              </td>
              <td className={s.what}>
                {e.title} <Badge text={e.protocol} color="blue" /> {e.twinOf && <Badge text="second witness, not counted" color="purple" />}
              </td>
              <td>{e.environment}</td>
              <td className={s.what}>{e.release}</td>
              <td className={s.what}>{e.user}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <div className={s.row}>
        {go('Newest', newer !== '', undefined)}
        {go('Newer', newer !== '', { newer })}
        {go('Older', older !== '', { older })}
        {go('Oldest', older !== '', { oldest: true })}
      </div>
    </div>
  );
}

const styles = (theme: GrafanaTheme2) => ({
  muted: css({ color: theme.colors.text.secondary }),
  row: css({ display: 'flex', flexWrap: 'wrap', gap: theme.spacing(1), alignItems: 'center', marginTop: theme.spacing(1) }),
  what: css({ wordBreak: 'break-word' }),
  table: css({
    width: '100%',
    '& th, & td': { padding: theme.spacing(0.5, 1), textAlign: 'left', verticalAlign: 'top', borderBottom: `1px solid ${theme.colors.border.weak}` },
    '& tr[aria-current]': { background: theme.colors.background.secondary },
  }),
});
