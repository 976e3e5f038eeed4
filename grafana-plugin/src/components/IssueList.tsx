import React, { useState } from 'react';
import { css, cx } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { Badge, useStyles2 } from '@grafana/ui';
import type { BadgeColor } from '@grafana/ui';
import type { Api } from '../shared/api';
import type { Issue, Level, Me, Status } from '../shared/types';
import { age, count } from '../shared/format';
import { useTimes } from '../shared/zone';
import { Sparkline } from './Sparkline';
import { Triage } from './Triage';

export const levelColor: Record<Level, BadgeColor> = { debug: 'blue', info: 'blue', warning: 'orange', error: 'red', fatal: 'purple' };
export const statusColor: Record<Status, BadgeColor> = {
  new: 'orange',
  ongoing: 'blue',
  regressed: 'red',
  resolved: 'green',
  ignored: 'purple',
  merged: 'purple',
};

export interface IssueListProps {
  api: Api;
  me?: Me;
  issues: Issue[];
  onOpen: (issue: Issue) => void;
  onChanged: (issues: Issue[]) => void; // Those that were written to.
  href?: (issue: Issue) => string; // Where a row leads when it is opened in a new tab.
}

const key = (i: Issue) => `${i.project}/${i.issue}`;

export function IssueList({ api, me, issues, onOpen, onChanged, href }: IssueListProps) {
  const s = useStyles2(styles);
  const { at } = useTimes();
  const [picked, setPicked] = useState<Record<string, boolean>>({});
  const chosen = issues.filter((i) => picked[key(i)]);
  const several = new Set(issues.map((i) => i.project)).size > 1;
  const all = issues.length > 0 && chosen.length === issues.length;
  return (
    <div className={s.list}>
      <Triage
        api={api}
        me={me}
        issues={chosen}
        onDone={() => {
          setPicked({});
          onChanged(chosen);
        }}
      />
      <table className={s.table} aria-label="Issues">
        <thead>
          <tr>
            <th scope="col">
              <input
                type="checkbox"
                aria-label="Choose all issues"
                checked={all}
                onChange={() => setPicked(all ? {} : Object.fromEntries(issues.map((i) => [key(i), true])))}
              />
            </th>
            <th scope="col">Issue</th>
            <th scope="col" className={s.half}>
              Status
            </th>
            <th scope="col" className={s.wide}>
              Trend
            </th>
            <th scope="col" className={cx(s.number, s.half)}>
              Events
            </th>
            <th scope="col" className={cx(s.number, s.wide)}>
              In range
            </th>
            <th scope="col" className={cx(s.number, s.wide)}>
              Users
            </th>
            <th scope="col" className={s.half}>
              Last seen
            </th>
            <th scope="col" className={s.wide}>
              First seen
            </th>
            <th scope="col" className={s.wide}>
              Assignee
            </th>
          </tr>
        </thead>
        <tbody>
          {issues.map((i) => (
            <tr key={key(i)}>
              <td>
                <input
                  type="checkbox"
                  aria-label={`Choose ${i.title}`}
                  checked={Boolean(picked[key(i)])}
                  onChange={() => setPicked({ ...picked, [key(i)]: !picked[key(i)] })}
                />
              </td>
              <td className={s.main}>
                <a
                  href={href?.(i) ?? '#'}
                  className={s.title}
                  title={i.title}
                  onClick={(e) => {
                    if (!e.metaKey && !e.ctrlKey && e.button === 0) {
                      e.preventDefault();
                      onOpen(i);
                    }
                  }}
                >
                  {i.title || '<no title>'}
                </a>
                <div className={cx(s.under, s.tiny)}>
                  <Badge text={i.status} color={statusColor[i.status] ?? 'blue'} />
                  <span title={String(i.events)}>
                    {count(i.events)} {i.events === 1 ? 'event' : 'events'}
                  </span>
                </div>
                <div className={s.under}>
                  <Badge text={i.level} color={levelColor[i.level] ?? 'blue'} />
                  {i.protocols.map((p) => (
                    <Badge key={p} text={p} color="blue" />
                  ))}
                  {several && <span>{i.projectName || i.project}</span>}
                  <span className={s.muted} title={i.culprit}>
                    {i.culprit}
                  </span>
                </div>
              </td>
              <td className={s.half}>
                <Badge text={i.status} color={statusColor[i.status] ?? 'blue'} />
              </td>
              <td className={s.wide}>
                <Sparkline parts={i.spark} />
              </td>
              <td className={cx(s.number, s.half)} title={String(i.events)}>
                {count(i.events)}
              </td>
              <td className={cx(s.number, s.wide)} title={String(i.eventsInRange)}>
                {count(i.eventsInRange)}
              </td>
              <td className={cx(s.number, s.wide)} title={String(i.users)}>
                {count(i.users)}
              </td>
              <td title={at(i.lastSeen)} className={cx(s.time, s.half)}>{age(i.lastSeen)}</td>
              <td title={at(i.firstSeen)} className={cx(s.time, s.wide)}>{age(i.firstSeen)}</td>
              <td className={cx(s.wide, !i.assignee && s.muted)}>{i.assignee || 'nobody'}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const styles = (theme: GrafanaTheme2) => ({
  // A narrow panel keeps what a decision needs: what, state, how often, how long ago.
  list: css({ containerType: 'inline-size' }),
  wide: css({ '@container (max-width: 760px)': { display: 'none' } }),
  half: css({ '@container (max-width: 420px)': { display: 'none' } }),
  tiny: css({ '@container (min-width: 420.02px)': { display: 'none' } }),
  table: css({
    width: '100%',
    '& th, & td': { padding: theme.spacing(0.75, 1), textAlign: 'left', verticalAlign: 'top', borderBottom: `1px solid ${theme.colors.border.weak}` },
    '& th': { whiteSpace: 'nowrap', color: theme.colors.text.secondary, fontWeight: theme.typography.fontWeightMedium },
  }),
  main: css({ maxWidth: 0, width: '50%' }),
  title: css({ display: 'block', overflow: 'hidden', textOverflow: 'ellipsis', whiteSpace: 'nowrap', color: theme.colors.text.link, fontWeight: theme.typography.fontWeightMedium }),
  under: css({ display: 'flex', gap: theme.spacing(0.5), alignItems: 'center', overflow: 'hidden', whiteSpace: 'nowrap' }),
  muted: css({ color: theme.colors.text.secondary, overflow: 'hidden', textOverflow: 'ellipsis' }),
  time: css({ whiteSpace: 'nowrap', fontVariantNumeric: 'tabular-nums' }),
  number: css({ textAlign: 'right !important' as 'right', fontVariantNumeric: 'tabular-nums' }),
});
