import React from 'react';
import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { Alert, Badge, LoadingPlaceholder, useStyles2 } from '@grafana/ui';
import type { Api } from '../shared/api';
import type { TraceItem } from '../shared/types';
import { at } from '../shared/format';
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

export function Trace({ api, traceId }: { api: Api; traceId: string }) {
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
  return (
    <div>
      <p className={s.muted}>
        Trace {traceId}: {items.length} spans, errors and log records of both protocols, in order.
      </p>
      {truncated && <Alert severity="info" title="The trace is larger than what is shown; ask for it with SQL to see all." />}
      <ol className={s.list}>
        {items.map((i, n) => (
          <li key={n} className={s.item} style={{ paddingLeft: `${(deep.get(i) ?? 0) * 2}ch` }}>
            <Badge text={i.kind} color={i.kind === 'error' ? 'red' : i.kind === 'log' ? 'purple' : 'blue'} />
            <span>{i.service}</span>
            <b className={s.name}>{i.name}</b>
            {i.kind === 'span' && <span className={s.muted}>{i.durationMs.toFixed(1)} ms</span>}
            {i.status === 'error' && <Badge text="error" color="red" />}
            <span className={s.muted}>
              {i.protocol} {at(i.ts)}
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
  item: css({ display: 'flex', gap: theme.spacing(1), alignItems: 'center', padding: theme.spacing(0.25, 0), borderBottom: `1px solid ${theme.colors.border.weak}` }),
  name: css({ overflow: 'hidden', textOverflow: 'ellipsis', whiteSpace: 'nowrap' }),
});
