import React from 'react';
import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { Badge, useStyles2 } from '@grafana/ui';
import type { Breadcrumb } from '../shared/types';
import { crumbTime, text } from '../shared/format';
import { useTimes } from '../shared/zone';

const what = (b: Breadcrumb) => {
  const d = b.data ?? {};
  if (b.message) {
    return b.message;
  }
  if (d.url) {
    return [d.method ?? d['http.method'], d.url, d.status_code ?? d['http.response.status_code']].filter(Boolean).map(text).join(' ');
  }
  if (d.from && d.to) {
    return `${text(d.from)} → ${text(d.to)}`;
  }
  return Object.keys(d).length ? text(d) : '';
};

export function Breadcrumbs({ crumbs }: { crumbs: Breadcrumb[] }) {
  const s = useStyles2(styles);
  const { at, clock } = useTimes();
  if (!crumbs.length) {
    return <p className={s.muted}>No breadcrumbs came with this event.</p>;
  }
  return (
    <table className={s.table}>
      <thead>
        <tr>
          <th scope="col">Time</th>
          <th scope="col">Category</th>
          <th scope="col">Level</th>
          <th scope="col">What</th>
        </tr>
      </thead>
      <tbody>
        {crumbs.map((b, i) => (
          <tr key={i}>
            <td className={s.time} title={at(crumbTime(b.timestamp))}>{clock(crumbTime(b.timestamp))}</td>
            <td>{b.category ?? b.type ?? 'default'}</td>
            <td>
              <Badge text={b.level ?? 'info'} color={b.level === 'error' || b.level === 'fatal' ? 'red' : b.level === 'warning' ? 'orange' : 'blue'} />
            </td>
            <td className={s.what}>{what(b)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

const styles = (theme: GrafanaTheme2) => ({
  muted: css({ color: theme.colors.text.secondary }),
  table: css({
    width: '100%',
    fontSize: theme.typography.bodySmall.fontSize,
    '& th, & td': { padding: theme.spacing(0.5, 1), textAlign: 'left', verticalAlign: 'top', borderBottom: `1px solid ${theme.colors.border.weak}` },
  }),
  time: css({ whiteSpace: 'nowrap', fontVariantNumeric: 'tabular-nums' }),
  what: css({ wordBreak: 'break-word', whiteSpace: 'pre-wrap' }),
});
