import React from 'react';
import { css, cx } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { Alert, Badge, LoadingPlaceholder, useStyles2 } from '@grafana/ui';
import type { Api } from '../shared/api';
import type { TraceItem } from '../shared/types';
import { at, duration } from '../shared/format';
import { issueUrl } from '../shared/api';
import { useLoad } from '../shared/load';

// depths gives each item how deep it sits below the root span; an item whose
// parent is not here counts as a root, and a cycle ends where it began.
export function depths(items: TraceItem[]): Map<TraceItem, number> {
  const byId = new Map(items.filter((i) => i.kind === 'span').map((i) => [i.id, i]));
  const out = new Map<TraceItem, number>();
  for (const item of items) {
    const seen = new Set<string>();
    let depth = 0;
    for (let p = byId.get(item.parentId); p && !seen.has(p.id) && depth < 32; p = byId.get(p.parentId)) {
      seen.add(p.id);
      depth++;
    }
    out.set(item, depth);
  }
  return out;
}

// spread gives each item its place in the time of the whole trace, in percent: a
// span as long as it took, with a width that is seen.
export function spread(items: TraceItem[]): Map<TraceItem, { left: number; width: number }> {
  const from = Math.min(...items.map((i) => i.ts));
  const to = Math.max(...items.map((i) => i.ts + i.durationMs));
  const whole = Math.max(to - from, Number.MIN_VALUE);
  return new Map(
    items.map((i) => {
      const width = Math.max((i.durationMs / whole) * 100, 0.5);
      return [i, { left: Math.min(((i.ts - from) / whole) * 100, 100 - width), width }];
    })
  );
}

// Trace lists what happened in a trace; an error of another issue leads to it.
export function Trace({ api, traceId, issue }: { api: Api; traceId: string; issue?: string }) {
  const s = useStyles2(styles);
  const trace = useLoad(() => api.trace(traceId), [api, traceId]);
  if (trace.error) {
    return <Alert severity="error" title="Cannot show this trace">{trace.error}</Alert>;
  }
  if (!trace.value) {
    return <LoadingPlaceholder text="Loading the trace" />;
  }
  const { items, truncated } = trace.value;
  const deep = depths(items);
  const places = spread(items);
  const first = items[0]?.ts ?? 0;
  return (
    <div>
      <p className={s.muted}>
        Trace {traceId}. Its spans, errors and log records of both protocols, in order of time: {items.length}
      </p>
      {truncated && <Alert severity="info" title="The trace is larger than what is shown; ask for it with SQL to see all." />}
      <ol className={s.list}>
        {items.map((i, n) => (
          <li key={n} className={s.item}>
            <div className={s.what} style={{ paddingLeft: `${(deep.get(i) ?? 0) * 2}ch` }}>
              <Badge text={i.kind} color={i.kind === 'error' ? 'red' : i.kind === 'log' ? 'purple' : 'blue'} />
              {i.service && <span className={s.muted}>{i.service}</span>}
              {i.issue && i.issue !== issue ? (
                <a className={s.link} title={i.name} href={issueUrl(api.uid, i.project, i.issue)}>
                  {i.name}
                </a>
              ) : (
                <b className={s.name} title={i.name}>
                  {i.name}
                </b>
              )}
              {i.kind === 'span' && i.status === 'error' && <Badge text="error" color="red" />}
              <span className={s.muted}>{i.protocol}</span>
            </div>
            <div className={s.track} aria-hidden>
              <div className={cx(s.bar, (i.kind === 'error' || i.status === 'error') && s.failed)} style={{ left: `${places.get(i)?.left}%`, width: `${places.get(i)?.width}%` }} />
            </div>
            <span className={s.time} title={at(i.ts)}>
              {i.kind === 'span' ? duration(i.durationMs) : `+${duration(i.ts - first)}`}
            </span>
          </li>
        ))}
      </ol>
    </div>
  );
}

const styles = (theme: GrafanaTheme2) => ({
  muted: css({ color: theme.colors.text.secondary }),
  list: css({ listStyle: 'none', margin: 0, padding: 0 }),
  item: css({
    display: 'grid',
    gridTemplateColumns: 'minmax(0, 3fr) minmax(80px, 2fr) 9ch',
    gap: theme.spacing(1),
    alignItems: 'center',
    padding: theme.spacing(0.25, 0),
    borderBottom: `1px solid ${theme.colors.border.weak}`,
  }),
  what: css({ display: 'flex', gap: theme.spacing(1), alignItems: 'center', minWidth: 0, whiteSpace: 'nowrap' }),
  track: css({ position: 'relative', height: theme.spacing(1.5), background: theme.colors.background.secondary }),
  bar: css({ position: 'absolute', top: 0, bottom: 0, background: theme.colors.primary.main }),
  failed: css({ background: theme.colors.error.main }),
  time: css({ textAlign: 'right', color: theme.colors.text.secondary, fontVariantNumeric: 'tabular-nums', whiteSpace: 'nowrap' }),
  link: css({ overflow: 'hidden', textOverflow: 'ellipsis', color: theme.colors.text.link }),
  name: css({ overflow: 'hidden', textOverflow: 'ellipsis', whiteSpace: 'nowrap' }),
});
