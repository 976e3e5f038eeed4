import React, { useEffect, useMemo, useState } from 'react';
import { LoadingState } from '@grafana/data';
import type { DataFrame, PanelProps } from '@grafana/data';
import { Alert, LoadingPlaceholder } from '@grafana/ui';
import { IssueDetail } from '../components/IssueDetail';
import { IssueList } from '../components/IssueList';
import { DATASOURCE_TYPE, apiFor, issueUrl } from '../shared/api';
import type { Api } from '../shared/api';
import { useLoad } from '../shared/load';
import type { Issue, Level, Status } from '../shared/types';

export interface PanelOptions {
  openSingle?: boolean;
}

const names = (v: unknown): string[] =>
  Array.isArray(v) ? v.map(String) : typeof v === 'string' && v ? v.split(',').map((x) => x.trim()) : [];

// numbers reads a cell of JSON, which arrives as a list or as its text.
const numbers = (v: unknown): number[] | undefined => {
  try {
    const list: unknown = typeof v === 'string' ? JSON.parse(v) : v;
    return Array.isArray(list) ? list.map(Number).filter((n) => n >= 0) : undefined;
  } catch {
    return undefined;
  }
};

// AT_ONCE is how many rows are asked for again together.
const AT_ONCE = 20;

// issuesOf reads the rows of an Issues query; other frames give nothing.
export function issuesOf(frames: DataFrame[]): Issue[] {
  const out: Issue[] = [];
  for (const f of frames) {
    const at = new Map(f.fields.map((x) => [x.name, x.values]));
    if (!at.has('issue')) {
      continue;
    }
    const get = (name: string, row: number): unknown => at.get(name)?.[row];
    const text = (name: string, row: number) => String(get(name, row) ?? '');
    const num = (name: string, row: number) => Number(get(name, row) ?? 0);
    for (let r = 0; r < f.length; r++) {
      out.push({
        project: num('project_id', r) || num('project', r),
        projectName: text('project', r),
        issue: text('issue', r),
        title: text('title', r),
        culprit: text('culprit', r),
        type: text('type', r),
        level: text('level', r) as Level,
        status: (text('status', r) || 'new') as Status,
        assignee: text('assignee', r),
        firstSeen: num('first_seen', r),
        lastSeen: num('last_seen', r),
        events: num('events', r),
        users: num('users', r),
        eventsInRange: num('events_in_range', r),
        protocols: names(get('protocols', r)),
        environments: names(get('environments', r)),
        firstRelease: text('first_release', r),
        lastRelease: text('last_release', r),
        sampleEventId: text('sample_event_id', r),
        sampleTraceId: text('sample_trace_id', r),
        spark: numbers(get('trend', r)),
      });
    }
  }
  return out;
}

// TriagePanel draws an Issues query as a list with buttons, on a dashboard or,
// through preferredVisualisationPluginId, in Explore.
export function TriagePanel({ data, options, height, timeRange }: PanelProps<PanelOptions>) {
  const issues = useMemo(() => issuesOf(data.series), [data.series]);
  const uid = data.request?.targets?.find((t) => t.datasource?.type === DATASOURCE_TYPE || t.datasource?.uid)?.datasource?.uid;
  const api = useLoad<Api>(() => apiFor(uid), [uid]);
  const me = useLoad(() => (api.value ? api.value.me() : Promise.resolve(undefined)), [api.value]);
  const [open, setOpen] = useState<Issue>();
  const [fresh, setFresh] = useState<Map<string, Issue>>(new Map());
  const single = options?.openSingle !== false && issues.length === 1 ? issues[0] : undefined;
  useEffect(() => setFresh(new Map()), [data.series]);

  if (api.error) {
    return <Alert severity="error" title={api.error} />;
  }
  const drawable = data.series.every((f) => !f.fields.length || f.fields.some((x) => x.name === 'issue'));
  if (!issues.length && data.state === LoadingState.Loading) {
    return <LoadingPlaceholder text="Loading issues" />;
  }
  if (!issues.length && !drawable) {
    return (
      <Alert severity="warning" title="Nothing here is an issue">
        This panel draws a query of the mode Issues. Choose it in the query, or choose another panel for this one.
      </Alert>
    );
  }
  if (!issues.length) {
    return (
      <Alert severity="info" title="No issues">
        Nothing matches in this time range. Point an SDK&apos;s DSN or an exporter&apos;s endpoint at the store, or widen the range.
      </Alert>
    );
  }
  if (!api.value) {
    return null;
  }
  const shown = open ?? single;
  const a = api.value;
  // A write is visible at once: the changed rows are asked for again, the
  // query follows with the next refresh of the dashboard.
  const changed = async (written: Issue[]) => {
    for (let from = 0; from < written.length; from += AT_ONCE) {
      const some = written.slice(from, from + AT_ONCE);
      const again = await Promise.all(some.map((i) => a.row(i.project, i.issue).catch(() => i)));
      // What was merged away is no row of its own any more.
      setFresh((known) => new Map([...known, ...some.map((i, n): [string, Issue] => [`${i.project}/${i.issue}`, again[n].issue === i.issue ? again[n] : { ...i, status: 'merged' }])]));
    }
  };
  return (
    <div style={{ height, overflow: 'auto' }}>
      {shown ? (
        <IssueDetail
          api={a}
          me={me.value}
          project={shown.project}
          issue={shown.issue}
          range={timeRange ? { from: timeRange.from.valueOf(), to: timeRange.to.valueOf() } : undefined}
          onBack={single ? undefined : () => setOpen(undefined)}
          onChanged={() => changed([shown])}
        />
      ) : (
        <IssueList
          api={a}
          me={me.value}
          issues={issues.filter((i) => fresh.get(`${i.project}/${i.issue}`)?.status !== 'merged').map((i) => ({ ...i, ...fresh.get(`${i.project}/${i.issue}`), eventsInRange: i.eventsInRange, projectName: i.projectName, spark: i.spark }))}
          href={(i) => issueUrl(a.uid, i.project, i.issue)}
          onOpen={setOpen}
          onChanged={changed}
        />
      )}
    </div>
  );
}
