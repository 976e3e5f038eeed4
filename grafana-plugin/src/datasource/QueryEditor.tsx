import React from 'react';
import { css } from '@emotion/css';
import type { GrafanaTheme2, QueryEditorProps } from '@grafana/data';
import { CodeEditor, InlineField, InlineSwitch, useStyles2 } from '@grafana/ui';
import { Choice } from '../components/Choice';
import { CatalogName, CatalogParams } from './Catalog';
import { Filters } from './Filters';
import { suggestions } from './sql';
import { TextField } from './TextField';
import type { ErrataDataSource } from './datasource';
import { DIMENSIONS, MODES, defaultQuery } from './types';
import type { ErrataOptions, ErrataQuery, Mode } from './types';

type Props = QueryEditorProps<ErrataDataSource, ErrataQuery, ErrataOptions>;

const options = <T extends string>(values: readonly T[]) => values.map((value) => ({ value, label: value.replace(/_/g, ' ') }));
const STATUSES = options(['all', 'open', 'new', 'ongoing', 'regressed', 'resolved', 'ignored'] as const);
const SORTS = options(['last_seen', 'first_seen', 'events', 'users', 'trend'] as const);
const LEVELS = options(['all', 'fatal', 'error', 'warning', 'info', 'debug'] as const);
const FORMATS = options(['table', 'time_series', 'numeric'] as const);

const HAS: Record<Mode, Array<keyof ErrataQuery>> = {
  issues: ['project', 'environment', 'release', 'service', 'level', 'status', 'text', 'sort', 'firstSeen', 'format', 'limit', 'filters'],
  events: ['project', 'environment', 'release', 'service', 'level', 'issue', 'traceId', 'text', 'format', 'limit', 'filters'],
  error_trend: ['project', 'environment', 'release', 'service', 'level', 'issue', 'text', 'by', 'format', 'limit', 'filters'],
  logs: ['project', 'environment', 'service', 'level', 'text', 'traceId', 'format', 'limit', 'filters'],
  trace: ['traceId', 'project'],
  trace_search: ['project', 'service', 'text', 'minDurationMs', 'onlyErrors', 'limit', 'filters'],
  releases: ['project', 'format', 'metric', 'limit'],
  outcomes: ['project', 'format', 'filters'],
  lag: ['project', 'format', 'metric'],
  catalog: ['name', 'project', 'format', 'metric', 'limit', 'filters'],
  sql: ['sql', 'project', 'format', 'limit'],
  annotations: [],
};

export function QueryEditor({ datasource, query: given, onChange, onRunQuery }: Props) {
  const s = useStyles2(styles);
  const query = { ...defaultQuery, ...given } as ErrataQuery;
  const has = (f: keyof ErrataQuery) => HAS[query.mode]?.includes(f);
  const set = (part: Partial<ErrataQuery>) => {
    onChange({ ...query, ...part });
    onRunQuery();
  };
  const field = (f: keyof ErrataQuery, name: string, extra: Partial<React.ComponentProps<typeof TextField>> = {}) =>
    has(f) && <TextField name={name} value={query[f] as string} onCommit={(v) => set({ [f]: v } as Partial<ErrataQuery>)} {...extra} />;
  return (
    <div>
      <div className={s.row}>
        <InlineField label="Ask for" labelWidth={14}>
          <Choice label="Ask for" options={MODES} value={query.mode} onChange={(mode) => set({ mode })} />
        </InlineField>
        {has('status') && (
          <InlineField label="Status" labelWidth={14}>
            <Choice label="Status" options={STATUSES} value={(query.status || 'all') as never} onChange={(v) => set({ status: v === 'all' ? '' : v })} />
          </InlineField>
        )}
        {has('sort') && (
          <InlineField label="Sort by" labelWidth={14}>
            <Choice label="Sort by" options={SORTS} value={(query.sort || 'last_seen') as never} onChange={(sort) => set({ sort })} />
          </InlineField>
        )}
        {has('by') && (
          <InlineField label="Split by" labelWidth={14}>
            <Choice label="Split by" options={options(DIMENSIONS)} value={(query.by || 'none') as never} onChange={(by) => set({ by })} />
          </InlineField>
        )}
        {has('by') && query.by === 'tag' && <TextField name="Tag" value={query.tagKey} onCommit={(tagKey) => set({ tagKey })} />}
        {has('name') && <CatalogName datasource={datasource} query={query} onChange={set} />}
        {has('firstSeen') && (
          <InlineField label="First seen here" labelWidth={16} tooltip="Only issues whose first event lies in the time range: what a rule on new issues asks.">
            <InlineSwitch aria-label="First seen here" value={Boolean(query.firstSeen)} onChange={(e) => set({ firstSeen: e.currentTarget.checked })} />
          </InlineField>
        )}
        {has('format') && (
          <InlineField label="Format" labelWidth={14} tooltip="Numeric has no time column: what alert rules and SQL expressions take. A rule that reduces a series itself asks for time series.">
            <Choice label="Format" options={FORMATS} value={query.format ?? (query.mode === 'error_trend' ? 'time_series' : 'table')} onChange={(format) => set({ format })} />
          </InlineField>
        )}
      </div>
      <div className={s.row}>
        {field('project', 'Project', { placeholder: 'all', tooltip: 'Id or slug, or a variable such as $project.' })}
        {field('environment', 'Environment', { placeholder: 'all' })}
        {field('release', 'Release', { placeholder: 'all' })}
        {field('service', 'Service', { placeholder: 'all' })}
        {has('level') && (
          <InlineField label="Level" labelWidth={14}>
            <Choice label="Level" options={LEVELS} value={(query.level || 'all') as never} onChange={(v) => set({ level: v === 'all' ? '' : v })} />
          </InlineField>
        )}
        {field('issue', 'Issue', { placeholder: '16 hex digits' })}
        {field('traceId', 'Trace id', { width: 40, placeholder: '32 hex digits' })}
        {field('text', 'Text', { width: 40, placeholder: 'words of title, message or body' })}
        {has('minDurationMs') && (
          <TextField name="Longer than" type="number" placeholder="ms" value={query.minDurationMs} onCommit={(v) => set({ minDurationMs: v ? Number(v) : undefined })} />
        )}
        {has('onlyErrors') && (
          <InlineField label="Only errors" labelWidth={14}>
            <InlineSwitch label="Only errors" value={Boolean(query.onlyErrors)} onChange={(e) => set({ onlyErrors: e.currentTarget.checked })} />
          </InlineField>
        )}
        {has('metric') && query.format === 'numeric' && field('metric', 'Number', { placeholder: query.mode === 'catalog' ? 'first number' : 'new_issues', tooltip: 'The column that a rule compares, such as crash_free_sessions.' })}
        {has('limit') && <TextField name="Limit" type="number" width={12} placeholder="default" value={query.limit} onCommit={(v) => set({ limit: v ? Number(v) : undefined })} />}
      </div>
      {has('name') && <CatalogParams datasource={datasource} query={query} onChange={set} />}
      {has('filters') && <Filters datasource={datasource} query={query} filters={query.filters ?? []} onChange={(filters) => set({ filters })} />}
      {has('sql') && (
        <div data-testid="sql">
          <CodeEditor
            language="sql"
            height="160px"
            showMiniMap={false}
            value={query.sql ?? 'SELECT $__timeInterval(ts) AS time, sum(weight) AS errors\nFROM errata.events\nWHERE $__timeFilter(ts)\nGROUP BY time ORDER BY time'}
            getSuggestions={suggestions}
            onBlur={(sql) => set({ sql })}
            onSave={(sql) => set({ sql })}
          />
          <p className={s.help}>
            {'Macros: $__timeFilter(col), $__dateFilter(col), $__dateTimeFilter(day, col), $__timeInterval(col), $__interval, $__interval_s, $__fromTime, $__toTime, $__project(col), $__conditionalAll(condition, $var). Runs as the read-only user.'}
          </p>
        </div>
      )}
    </div>
  );
}

const styles = (theme: GrafanaTheme2) => ({
  row: css({ display: 'flex', flexWrap: 'wrap', columnGap: theme.spacing(0.5) }),
  help: css({ color: theme.colors.text.secondary, fontSize: theme.typography.bodySmall.fontSize }),
});
