import React from 'react';
import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { Badge, Tooltip, useStyles2 } from '@grafana/ui';
import type { Tag } from '../shared/types';
import { count, percent } from '../shared/format';

// Values that are at least twice as common here as in the project are marked:
// they say what is different about this issue.
const DIFFERENT = 2;

export function Tags({ tags }: { tags: Tag[] }) {
  const s = useStyles2(styles);
  if (!tags.length) {
    return <p className={s.muted}>No tags came with this issue&apos;s events.</p>;
  }
  const all = tags.find((t) => t.key === 'level')?.total ?? 0; // Every event has a level.
  return (
    <div className={s.grid}>
      {tags.map((t) => (
        <section key={t.key} className={s.tag}>
          <h5 className={s.key}>
            {t.key}
            {t.total < all && (
              <Tooltip content={`${count(t.total)} of ${count(all)} events have it. Events of a flood that were only counted keep no tags.`}>
                <span className={s.known}>{` of ${percent(t.total / all)}`}</span>
              </Tooltip>
            )}
          </h5>
          {t.values.map((v) => (
            <div key={v.value} className={s.value}>
              <div className={s.bar} style={{ width: `${Math.max(1, v.share * 100)}%` }} />
              <span className={s.name} title={v.value}>
                {v.value}
              </span>
              <span className={s.share}>
                {v.lift >= DIFFERENT && (
                  <Tooltip content={`${v.lift.toFixed(1)} times as common in this issue as in the project (${count(v.events)} events)`}>
                    <span>
                      <Badge text={`×${v.lift.toFixed(1)}`} color="orange" />
                    </span>
                  </Tooltip>
                )}{' '}
                {percent(v.share)}
              </span>
            </div>
          ))}
        </section>
      ))}
    </div>
  );
}

const styles = (theme: GrafanaTheme2) => ({
  muted: css({ color: theme.colors.text.secondary }),
  grid: css({ display: 'grid', gap: theme.spacing(2), gridTemplateColumns: 'repeat(auto-fill, minmax(240px, 1fr))' }),
  tag: css({ minWidth: 0 }),
  key: css({ wordBreak: 'break-all' }),
  known: css({ color: theme.colors.text.secondary, fontSize: theme.typography.bodySmall.fontSize }),
  value: css({ position: 'relative', display: 'flex', justifyContent: 'space-between', padding: theme.spacing(0.25, 0.5), fontSize: theme.typography.bodySmall.fontSize }),
  bar: css({ position: 'absolute', inset: 0, right: 'auto', background: theme.colors.primary.transparent }),
  name: css({ position: 'relative', overflow: 'hidden', textOverflow: 'ellipsis', whiteSpace: 'nowrap' }),
  share: css({ position: 'relative', whiteSpace: 'nowrap', paddingLeft: theme.spacing(1) }),
});
