import React from 'react';
import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { useStyles2, useTheme2 } from '@grafana/ui';
import { at, count } from '../shared/format';

// Trend is a small bar chart of events over time; a table of it is read out by
// screen readers through the bars' titles.
export function Trend({ points }: { points: Array<[number, number]> }) {
  const s = useStyles2(styles);
  const theme = useTheme2();
  const max = Math.max(1, ...points.map(([, n]) => n));
  const total = points.reduce((sum, [, n]) => sum + n, 0);
  if (!points.length) {
    return <p className={s.muted}>No events in this time range.</p>;
  }
  const w = 100 / points.length;
  return (
    <svg className={s.chart} viewBox="0 0 100 20" preserveAspectRatio="none" role="img" aria-label={`${count(total)} events in ${points.length} intervals, at most ${count(max)} in one`}>
      {points.map(([t, n], i) => (
        <rect key={t} x={i * w} width={w * 0.85} y={20 - (n / max) * 20} height={(n / max) * 20} fill={theme.colors.error.main}>
          <title>{`${at(t)}: ${n}`}</title>
        </rect>
      ))}
    </svg>
  );
}

const styles = (theme: GrafanaTheme2) => ({
  chart: css({ width: '100%', height: theme.spacing(8), display: 'block', marginBottom: theme.spacing(1) }),
  muted: css({ color: theme.colors.text.secondary }),
});
