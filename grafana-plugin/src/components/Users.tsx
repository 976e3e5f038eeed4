import React from 'react';
import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { LoadingPlaceholder, useStyles2 } from '@grafana/ui';
import type { Api } from '../shared/api';
import { count } from '../shared/format';
import { useLoad } from '../shared/load';
import { useTimes } from '../shared/zone';
import { Failed } from './Failed';

export interface UsersProps {
  api: Api;
  project: number;
  issue: string;
  range?: { from: number; to: number };
}

// Users lists whom the issue hit, as their events name them.
export function Users({ api, project, issue, range }: UsersProps) {
  const s = useStyles2(styles);
  const { at } = useTimes();
  const list = useLoad(() => api.users(project, issue, range), [api, project, issue, range?.from, range?.to]);
  if (list.error) {
    return <Failed title="Cannot list the users" error={list.error} again={list.again} />;
  }
  if (!list.value) {
    return <LoadingPlaceholder text="Loading users" />;
  }
  const { users, all } = list.value;
  const when = range ? 'in this time range' : 'in the last 14 days';
  if (!users.length) {
    return (
      <p className={s.muted}>
        No event names a user {when}. Set one in the SDK (<code>set_user</code>) or send <code>enduser.id</code> with spans.
      </p>
    );
  }
  return (
    <div>
      <p className={s.muted}>
        {all > users.length ? `The ${users.length} of about ${count(all)} users with most events ${when}.` : `${all} ${all === 1 ? 'user' : 'users'} ${when}.`}
      </p>
      <table className={s.table}>
        <thead>
          <tr>
            <th scope="col">User</th>
            <th scope="col">Events</th>
            <th scope="col">First seen</th>
            <th scope="col">Last seen</th>
          </tr>
        </thead>
        <tbody>
          {users.map((u) => (
            <tr key={u.user}>
              <td className={s.name}>{u.user || 'without a name'}</td>
              <td>{count(u.events)}</td>
              <td>{at(u.firstSeen)}</td>
              <td>{at(u.lastSeen)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const styles = (theme: GrafanaTheme2) => ({
  muted: css({ color: theme.colors.text.secondary }),
  name: css({ wordBreak: 'break-all' }),
  table: css({
    width: '100%',
    '& th, & td': { padding: theme.spacing(0.5, 1), textAlign: 'left', verticalAlign: 'top', borderBottom: `1px solid ${theme.colors.border.weak}` },
  }),
});
