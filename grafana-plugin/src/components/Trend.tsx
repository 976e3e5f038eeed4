import React from 'react';
import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { useStyles2, useTheme2 } from '@grafana/ui';
import { count } from '../shared/format';
import { useTimes } from '../shared/zone';

// Trend is a small bar chart of events over time; a table of it is read out by
// screen readers through the bars' titles.
export function Trend({ points }: { points: Array<[number, number]> }) {
  const s = useStyles2(styles);
  const theme = useTheme2();
  const { at, mark } = useTimes();
  const max = Math.max(1, ...points.map(([, n]) => n));
  const total = points.reduce((sum, [, n]) => sum + n, 0);
  if (!points.length) {
    return <p className={s.muted}>No events in this time range.</p>;
  }
  const w = 100 / points.length;
  const [first, last] = [points[0][0], points[points.length - 1][0]];
  const days = points.length > 1 && points[1][0] - first >= 24 * 3600 * 1000;
  return (
    <figure className={s.figure}>
      <svg className={s.chart} viewBox="0 0 100 20" preserveAspectRatio="none" role="img" aria-label={`${count(total)} events in ${points.length} intervals, at most ${count(max)} in one`}>
        {points.map(([t, n], i) => (
          <rect key={t} x={i * w} width={w * 0.85} y={20 - (n / max) * 20} height={(n / max) * 20} fill={theme.colors.error.main}>
            <title>{`${at(t)}: ${n}`}</title>
          </rect>
        ))}
      </svg>
      <figcaption className={s.caption}>
        <span>{mark(first, days)}</span>
        <span>
          {count(total)} {total === 1 ? 'event' : 'events'}, at most {count(max)} at once
        </span>
        <span>{mark(last, days)}</span>
      </figcaption>
    </figure>
  );
}

const styles = (theme: GrafanaTheme2) => ({
  figure: css({ margin: theme.spacing(1, 0) }),
  chart: css({ width: '100%', height: theme.spacing(8), display: 'block', borderBottom: `1px solid ${theme.colors.border.weak}` }),
  caption: css({ display: 'flex', flexWrap: 'wrap', justifyContent: 'space-between', columnGap: theme.spacing(1), color: theme.colors.text.secondary, fontSize: theme.typography.bodySmall.fontSize }),
  muted: css({ color: theme.colors.text.secondary }),
});
