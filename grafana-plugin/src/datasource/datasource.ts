import { DataSourceWithBackend, getTemplateSrv } from '@grafana/runtime';
import type {
  AdHocVariableFilter,
  AnnotationSupport,
  CoreApp,
  DataQueryRequest,
  DataQueryResponse,
  DataFrame,
  DataFrameJSON,
  DataSourceInstanceSettings,
  DataSourceWithLogsContextSupport,
  DataSourceWithSupplementaryQueriesSupport,
  LogRowModel,
  MetricFindValue,
  QueryFixAction,
  ScopedVars,
  SupplementaryQueryOptions,
  TestDataSourceResponse,
  TimeRange,
} from '@grafana/data';
import { FieldType, SupplementaryQueryType, dataFrameFromJSON } from '@grafana/data';
import { firstValueFrom, merge } from 'rxjs';
import type { Observable } from 'rxjs';
import type { CatalogQuery, ErrataOptions, ErrataQuery, Filter } from './types';
import { MODES, defaultQuery } from './types';
import { AnnotationEditor } from './AnnotationEditor';
import { follow } from './live';
import { VariableSupport } from './variables';

// List writes a variable's values into one field: JSON where the backend would
// read a plain value as something else, such as two with a comma between.
const list = (v: unknown): string =>
  Array.isArray(v) || /,|^\s|\s$|^\[/.test(String(v ?? '')) ? JSON.stringify((Array.isArray(v) ? v : [v]).map(String)) : String(v ?? '');
const words = (v: unknown): string => (Array.isArray(v) ? v.map(String).join(' ') : String(v ?? ''));
const singleQuoted = (v: unknown): string =>
  (Array.isArray(v) ? v : [v]).map((x) => `'${String(x).replace(/\\/g, '\\\\').replace(/'/g, "\\'")}'`).join(',');

interface TagOptions {
  filters?: AdHocVariableFilter[];
  timeRange?: TimeRange;
  queries?: ErrataQuery[];
}

export class ErrataDataSource
  extends DataSourceWithBackend<ErrataQuery, ErrataOptions>
  implements DataSourceWithSupplementaryQueriesSupport<ErrataQuery>, DataSourceWithLogsContextSupport<ErrataQuery>
{
  annotations: AnnotationSupport<ErrataQuery> = {
    QueryEditor: AnnotationEditor,
    // A new annotation marks releases before its editor is touched.
    prepareQuery: ({ target }) => ({ ...target, refId: target?.refId ?? 'Anno', mode: 'annotations', kind: target?.kind ?? 'releases' }) as ErrataQuery,
  };
  readonly uidOfTraces?: string;

  constructor(settings: DataSourceInstanceSettings<ErrataOptions>) {
    super(settings);
    this.variables = new VariableSupport(this);
    this.uidOfTraces = settings.jsonData?.tracesDatasourceUid;
  }

  getDefaultQuery(_: CoreApp): Partial<ErrataQuery> {
    return defaultQuery;
  }

  filterQuery(query: ErrataQuery): boolean {
    if (query.hide) {
      return false;
    }
    switch (query.mode) {
      case 'sql':
        return Boolean(query.sql?.trim());
      case 'trace':
        return Boolean(query.traceId?.trim());
      case 'catalog':
        return Boolean(query.name);
      case 'error_trend': // On an empty store the variable has no tag to offer: that is no error.
        return query.by !== 'tag' || Boolean(getTemplateSrv().replace(query.tagKey ?? '').trim());
    }
    return true;
  }

  // Explore's live button follows logs; what else is asked is asked once.
  query(request: DataQueryRequest<ErrataQuery>): Observable<DataQueryResponse> {
    if (!request.liveStreaming) {
      return super.query(request);
    }
    const asked = request.targets.filter((q) => this.filterQuery(q));
    const logs = asked.filter((q) => q.mode === 'logs');
    const rest = asked.filter((q) => q.mode !== 'logs');
    const once = rest.length ? [super.query({ ...request, targets: rest, liveStreaming: false })] : [];
    return merge(...once, ...logs.map((q) => follow(this, this.applyTemplateVariables(q, request.scopedVars, request.filters))));
  }

  // Variables are values, never SQL: fields get plain text that the backend
  // binds; only a person's own SQL gets quoted literals.
  applyTemplateVariables(query: ErrataQuery, scopedVars: ScopedVars, filters?: AdHocVariableFilter[]): ErrataQuery {
    const srv = getTemplateSrv();
    const plain = (v?: string) => (v ? srv.replace(v, scopedVars, list) : v);
    // The backend expands the interval itself, so that rules get the same.
    const { __interval: _, __interval_ms: __, ...rest } = scopedVars;
    return {
      ...query,
      project: plain(query.project),
      environment: plain(query.environment),
      release: plain(query.release),
      service: plain(query.service),
      level: plain(query.level),
      status: plain(query.status),
      issue: plain(query.issue),
      text: query.text ? srv.replace(query.text, scopedVars, words) : query.text,
      tagKey: plain(query.tagKey),
      traceId: plain(query.traceId),
      sql: query.sql ? srv.replace(query.sql, rest, singleQuoted) : query.sql,
      params: query.params && Object.fromEntries(Object.entries(query.params).map(([k, v]) => [k, plain(v) ?? ''])),
      filters: [
        ...(query.filters ?? []).map((f) => filled(f, plain)).filter((f): f is Filter => Boolean(f)),
        ...(filters ?? []).map(asFilter),
      ],
    };
  }

  // Explore opens a panel's query with its variables and ad hoc filters as
  // values; older Grafana would leave the filters behind.
  interpolateVariablesInQueries(queries: ErrataQuery[], scopedVars: ScopedVars, filters?: AdHocVariableFilter[]): ErrataQuery[] {
    const legacy = getTemplateSrv() as unknown as { getAdhocFilters?: (name: string) => AdHocVariableFilter[] };
    const given = filters ?? legacy.getAdhocFilters?.(this.name) ?? [];
    return queries.map((q) => this.applyTemplateVariables(q, scopedVars, given));
  }

  catalog(): Promise<{ queries: CatalogQuery[] }> {
    return this.getResource('catalog');
  }

  async metricFindQuery(kind: string, options?: { scopedVars?: ScopedVars }): Promise<MetricFindValue[]> {
    const name = getTemplateSrv().replace(kind, options?.scopedVars, list) || 'project';
    const { values } = await this.getResource<{ values: Array<{ text: string; value: string }> }>(`options/${encodeURIComponent(name)}`);
    return values.map((v) => ({ text: v.text, value: v.value }));
  }

  async getTagKeys(options?: TagOptions): Promise<MetricFindValue[]> {
    const others = (options?.filters ?? []).filter((f) => f.key && f.value !== '');
    const { values } = await this.getResource<{ values: Array<{ text: string; value: string }> }>('options/filter_key', {
      ...this.within(options),
      ...(others.length ? { filters: JSON.stringify(others.map(asFilter)) } : {}),
    });
    return values.map((v) => ({ text: v.text, value: v.value }));
  }

  async getTagValues(options: TagOptions & { key: string }): Promise<MetricFindValue[]> {
    const others = (options.filters ?? []).filter((f) => f.key && f.key !== options.key && f.value !== '');
    const { values } = await this.getResource<{ values: Array<{ text: string; value: string }> }>('options/filter_value', {
      key: options.key,
      ...this.within(options),
      ...(others.length ? { filters: JSON.stringify(others.map(asFilter)) } : {}),
    });
    return values.map((v) => ({ text: v.text, value: v.value }));
  }

  // What keys and values are asked of: the time range and, where all panels name
  // the same, the project.
  private within(options?: TagOptions): Record<string, string | number> {
    const projects = new Set((options?.queries ?? []).map((q) => getTemplateSrv().replace(q.project ?? '', {}, list)));
    const [project] = projects.size === 1 ? projects : [''];
    return {
      ...(project && project !== '$__all' ? { project } : {}),
      ...(options?.timeRange ? { from: options.timeRange.from.valueOf(), to: options.timeRange.to.valueOf() } : {}),
    };
  }

  // Context of a log record: what the same service wrote just before or after.
  async getLogRowContext(row: LogRowModel, options?: { direction?: string; limit?: number }): Promise<DataQueryResponse> {
    const frame = await this.getResource<DataFrameJSON>('log_context', {
      id: row.rowId ?? row.uid.slice(row.uid.indexOf('_') + 1),
      ts: nanoseconds(row),
      labels: JSON.stringify(row.labels ?? {}),
      direction: options?.direction === 'FORWARD' ? 'forward' : 'backward',
      limit: options?.limit ?? 10,
    });
    return { data: [dataFrameFromJSON(frame)] };
  }

  // Explore draws how many records of each severity there are above the logs.
  getSupportedSupplementaryQueryTypes(): SupplementaryQueryType[] {
    return [SupplementaryQueryType.LogsVolume];
  }

  getSupplementaryQuery(options: SupplementaryQueryOptions, query: ErrataQuery): ErrataQuery | undefined {
    if (options.type !== SupplementaryQueryType.LogsVolume || query.mode !== 'logs' || query.hide) {
      return undefined;
    }
    return { ...query, refId: `log-volume-${query.refId}`, volume: true };
  }

  getSupplementaryRequest(type: SupplementaryQueryType, request: DataQueryRequest<ErrataQuery>): DataQueryRequest<ErrataQuery> | undefined {
    const targets = request.targets.map((q) => this.getSupplementaryQuery({ type } as SupplementaryQueryOptions, q)).filter((q): q is ErrataQuery => Boolean(q));
    return targets.length ? { ...request, requestId: `${request.requestId}-volume`, targets } : undefined;
  }

  // Filters a person clicks on a log label or a table value.
  toggleQueryFilter(query: ErrataQuery, filter: { type: string; options: Record<string, string> }): ErrataQuery {
    const { key, value } = filter.options;
    const operator = filter.type === 'FILTER_OUT' ? '!=' : '=';
    const rest = (query.filters ?? []).filter((f) => !(f.key === key && f.value === value));
    const had = (query.filters ?? []).some((f) => f.key === key && f.value === value && f.operator === operator);
    return { ...query, filters: had ? rest : [...rest, { key, operator, value }] };
  }

  queryHasFilter(query: ErrataQuery, filter: { key: string; value: string }): boolean {
    return (query.filters ?? []).some((f) => f.key === filter.key && f.value === filter.value && f.operator === '=');
  }

  // What a click on a log line or a cell adds, where Grafana does not toggle.
  modifyQuery(query: ErrataQuery, action: QueryFixAction): ErrataQuery {
    const { key = '', value = '' } = action.options ?? {};
    switch (action.type) {
      case 'ADD_FILTER':
      case 'ADD_FILTER_OUT': {
        const operator = action.type === 'ADD_FILTER' ? '=' : '!=';
        const rest = (query.filters ?? []).filter((f) => !(f.key === key && f.value === value));
        return { ...query, filters: [...rest, { key, operator, value }] };
      }
      case 'ADD_STRING_FILTER':
        return { ...query, text: [query.text, value].filter(Boolean).join(' ') };
      case 'ADD_STRING_FILTER_OUT':
        return { ...query, filters: [...(query.filters ?? []), { key: 'body', operator: '!~', value: value.replace(/[.*+?^${}()|[\]\\]/g, '\\$&') }] };
    }
    return query;
  }

  getSupportedQueryModifications(): string[] {
    return ['ADD_FILTER', 'ADD_FILTER_OUT', 'ADD_STRING_FILTER', 'ADD_STRING_FILTER_OUT'];
  }

  // Newer Grafana groups the labels of a record by where they come from.
  getLabelDisplayTypeFromFrame(key: string, frame: DataFrame | undefined, index: number | null): string | null {
    const kinds: unknown = frame?.fields.find((f) => f.name === 'labelTypes')?.values[index ?? 0];
    return LABELS[(kinds as Record<string, string> | undefined)?.[key] ?? ''] ?? null;
  }

  // What the history of Explore shows of a query.
  getQueryDisplayText(query: ErrataQuery): string {
    const mode = MODES.find((m) => m.value === query.mode)?.label ?? query.mode ?? 'Issues';
    const { project, environment, release, service, level, status, issue, traceId, text, name, sql } = query;
    const fields = Object.entries({ name, project, environment, release, service, level, status, issue, trace: traceId, text, sql: query.mode === 'sql' ? sql : '' }).filter(([, v]) => v);
    const filters = (query.filters ?? []).map((f) => `${f.key} ${f.operator} ${f.values?.join(', ') ?? f.value}`);
    return [mode, ...fields.map(([k, v]) => `${k}: ${v}`), ...filters].join(', ');
  }

  async ask(request: DataQueryRequest<ErrataQuery>): Promise<DataQueryResponse> {
    return firstValueFrom(this.query(request) as Observable<DataQueryResponse>);
  }

  testDatasource(): Promise<TestDataSourceResponse> {
    return super.testDatasource();
  }
}

const LABELS: Record<string, string> = { I: 'Fields', A: 'Attributes', R: 'Resource attributes' };

// nanoseconds of a log record: Grafana's own number ends in zeros, the frame
// knows better.
function nanoseconds(row: LogRowModel): string {
  const time = row.dataFrame?.fields.find((f) => f.type === FieldType.time) as { nanos?: number[] } | undefined;
  const more = time?.nanos?.[row.rowIndex];
  return more ? String(BigInt(row.timeEpochMs) * BigInt(1_000_000) + BigInt(more)) : (row.timeEpochNs ?? String(BigInt(row.timeEpochMs) * BigInt(1_000_000)));
}

const OF_SEVERAL: Record<string, string> = { '=': '=|', '!=': '!=|' };

// filled puts the values of variables into a filter: several are several
// values, all of them no filter.
function filled(f: Filter, plain: (v?: string) => string | undefined): Filter | undefined {
  const values = (f.values ?? [f.value ?? '']).flatMap((v) => {
    const got = plain(v) ?? '';
    return got !== v && got.startsWith('[') ? (JSON.parse(got) as string[]) : [got];
  });
  if (values.includes('$__all')) {
    return undefined;
  }
  const one = !f.values && values.length === 1;
  return one ? { ...f, value: values[0] } : { ...f, operator: f.values ? f.operator : (OF_SEVERAL[f.operator] ?? f.operator), value: f.values ? f.value : '', values };
}

export function asFilter(f: AdHocVariableFilter): Filter {
  const values = (f as { values?: string[] }).values;
  return { key: f.key, operator: f.operator, value: f.value, ...(values?.length ? { values } : {}) };
}
