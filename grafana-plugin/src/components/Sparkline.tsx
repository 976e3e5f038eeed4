import React from 'react';
import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { useStyles2 } from '@grafana/ui';
import { count } from '../shared/format';

// barsOf is the outline of a row of bars in a box of one unit a bar and this
// height; a bar that counts anything is seen.
export function barsOf(parts: number[], height: number): string {
  const max = Math.max(1, ...parts);
  return parts
    .map((n, i) => {
      const h = n > 0 ? Math.max((n / max) * height, 1) : 0;
      return h ? `M${i} ${height}v${-h.toFixed(2)}h0.8v${h.toFixed(2)}z` : '';
    })
    .join('');
}

const HEIGHT = 20;

// Sparkline shows when the events of a row came; screen readers get its shape
// as a sentence.
export function Sparkline({ parts }: { parts?: number[] }) {
  const s = useStyles2(styles);
  if (!parts?.length) {
    return null;
  }
  const total = parts.reduce((sum, n) => sum + n, 0);
  const half = Math.floor(parts.length / 2);
  const late = parts.slice(half).reduce((sum, n) => sum + n, 0);
  const way = total === 0 || late * 2 === total ? 'even' : late * 2 > total ? 'rising' : 'falling';
  const label = `${count(total)} ${total === 1 ? 'event' : 'events'} in ${parts.length} parts of the range, at most ${count(Math.max(...parts))} in one, ${way}`;
  return (
    <svg className={s.chart} viewBox={`0 0 ${parts.length} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={label}>
      <title>{label}</title>
      <path className={s.bars} d={barsOf(parts, HEIGHT)} />
    </svg>
  );
}

const styles = (theme: GrafanaTheme2) => ({
  chart: css({ width: theme.spacing(14), height: theme.spacing(3), display: 'block', borderBottom: `1px solid ${theme.colors.border.medium}` }),
  bars: css({ fill: theme.colors.text.secondary }),
});
