import React, { useState } from 'react';
import { css, cx } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { Alert, Badge, Button, Checkbox, LinkButton, LoadingPlaceholder, useStyles2 } from '@grafana/ui';
import type { Api } from '../shared/api';
import type { TraceItem, TracePart } from '../shared/types';
import { duration } from '../shared/format';
import { issueUrl } from '../shared/api';
import { useLoad } from '../shared/load';
import { useTimes } from '../shared/zone';
import { exploreUrl } from './ExploreLinks';
import { Failed } from './Failed';

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
  const from = items.reduce((least, i) => Math.min(least, i.ts), Infinity);
  const to = items.reduce((most, i) => Math.max(most, i.ts + i.durationMs), -Infinity);
  const whole = Math.max(to - from, Number.MIN_VALUE);
  return new Map(
    items.map((i) => {
      const width = Math.max((i.durationMs / whole) * 100, 0.5);
      return [i, { left: Math.min(((i.ts - from) / whole) * 100, 100 - width), width }];
    })
  );
}

// ROWS is how many are drawn at first, and more each time: a browser takes long for thousands.
const ROWS = 300;

const KINDS: Array<[TraceItem['kind'], string, string]> = [['error', 'error', 'errors'], ['span', 'span', 'spans'], ['log', 'log record', 'log records']];

// cutOf says what of a trace is not here.
export function cutOf({ items, totals, more }: TracePart): string {
  const parts = KINDS.filter(([k]) => totals[k]).map(([k, one, many]) => `${items.filter((i) => i.kind === k).length.toLocaleString('en')} of ${totals[k].toLocaleString('en')}${more ? ' or more' : ''} ${totals[k] === 1 ? one : many}`);
  return `The first ${items.length.toLocaleString('en')} things of this trace are here, errors before others: ${parts.join(', ')}.`;
}

// Trace lists what happened in a trace; an error of another issue leads to it.
export function Trace({ api, traceId, issue }: { api: Api; traceId: string; issue?: string }) {
  const s = useStyles2(styles);
  const { at } = useTimes();
  const [rows, setRows] = useState(ROWS);
  const [onlyErrors, setOnlyErrors] = useState(false);
  const trace = useLoad(() => api.trace(traceId), [api, traceId]);
  if (trace.error) {
    return <Failed title="Cannot show this trace" error={trace.error} again={trace.again} />;
  }
  if (!trace.value) {
    return <LoadingPlaceholder text="Loading the trace" />;
  }
  const { items, truncated } = trace.value;
  const chosen = onlyErrors ? items.filter((i) => i.kind === 'error' || i.status === 'error') : items;
  const shown = chosen.slice(0, rows);
  const next = Math.min(ROWS, chosen.length - shown.length);
  const deep = depths(items);
  const places = spread(items);
  const first = items[0]?.ts ?? 0;
  return (
    <div>
      <p className={s.muted}>
        Trace {traceId}. Its spans, errors and log records of both protocols, in order of time: {items.length}
      </p>
      {truncated && (
        <Alert severity="info" title={cutOf(trace.value)}>
          <LinkButton size="sm" variant="secondary" icon="compass" href={exploreUrl(api.uid, { mode: 'trace', traceId })}>
            All of it in Explore
          </LinkButton>
        </Alert>
      )}
      {items.length > 1 && <Checkbox label="Only errors" value={onlyErrors} onChange={(e) => setOnlyErrors(e.currentTarget.checked)} />}
      {onlyErrors && !chosen.length && <p className={s.muted}>Nothing failed in this trace.</p>}
      <ol className={s.list}>
        {shown.map((i, n) => (
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
      {next > 0 && (
        <Button size="sm" variant="secondary" fill="text" onClick={() => setRows(rows + ROWS)}>
          {`Show ${next} more of ${(chosen.length - shown.length).toLocaleString('en')}`}
        </Button>
      )}
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
