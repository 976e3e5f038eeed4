import { DataSourceWithBackend, getTemplateSrv } from '@grafana/runtime';
import type {
  AdHocVariableFilter,
  CoreApp,
  DataQueryRequest,
  DataQueryResponse,
  DataSourceInstanceSettings,
  LogRowModel,
  MetricFindValue,
  ScopedVars,
  TestDataSourceResponse,
} from '@grafana/data';
import { toDataFrame } from '@grafana/data';
import { firstValueFrom } from 'rxjs';
import type { Observable } from 'rxjs';
import type { ErrataOptions, ErrataQuery, Filter } from './types';
import { defaultQuery } from './types';
import { VariableSupport } from './variables';

// List joins a multi-value variable into one field; the backend splits it.
const list = (v: unknown): string => (Array.isArray(v) ? v.map(String).join(',') : String(v ?? ''));
const singleQuoted = (v: unknown): string =>
  (Array.isArray(v) ? v : [v]).map((x) => `'${String(x).replace(/\\/g, '\\\\').replace(/'/g, "\\'")}'`).join(',');

export class ErrataDataSource extends DataSourceWithBackend<ErrataQuery, ErrataOptions> {
  annotations = {};
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
    }
    return true;
  }

  // Variables are values, never SQL: fields get plain text that the backend
  // binds; only a person's own SQL gets quoted literals.
  applyTemplateVariables(query: ErrataQuery, scopedVars: ScopedVars, filters?: AdHocVariableFilter[]): ErrataQuery {
    const srv = getTemplateSrv();
    const plain = (v?: string) => (v ? srv.replace(v, scopedVars, list) : v);
    return {
      ...query,
      project: plain(query.project),
      environment: plain(query.environment),
      release: plain(query.release),
      service: plain(query.service),
      level: plain(query.level),
      status: plain(query.status),
      issue: plain(query.issue),
      text: plain(query.text),
      tagKey: plain(query.tagKey),
      traceId: plain(query.traceId),
      sql: query.sql ? srv.replace(query.sql, scopedVars, singleQuoted) : query.sql,
      filters: [...(query.filters ?? []), ...(filters ?? []).map(asFilter)],
    };
  }

  async metricFindQuery(kind: string, options?: { scopedVars?: ScopedVars }): Promise<MetricFindValue[]> {
    const name = getTemplateSrv().replace(kind, options?.scopedVars, list) || 'project';
    const { values } = await this.getResource<{ values: Array<{ text: string; value: string }> }>(`options/${encodeURIComponent(name)}`);
    return values.map((v) => ({ text: v.text, value: v.value }));
  }

  async getTagKeys(): Promise<MetricFindValue[]> {
    const { values } = await this.getResource<{ values: Array<{ text: string; value: string }> }>('options/filter_key');
    return values.map((v) => ({ text: v.text, value: v.value }));
  }

  async getTagValues(options: { key: string; filters?: AdHocVariableFilter[] }): Promise<MetricFindValue[]> {
    const { values } = await this.getResource<{ values: Array<{ text: string; value: string }> }>('options/filter_value', {
      key: options.key,
      filters: JSON.stringify((options.filters ?? []).map(asFilter)),
    });
    return values.map((v) => ({ text: v.text, value: v.value }));
  }

  // Context of a log record: what the same service wrote just before or after.
  async getLogRowContext(row: LogRowModel, options?: { direction?: string; limit?: number }): Promise<DataQueryResponse> {
    const frame = await this.getResource('log_context', {
      id: row.uid,
      ts: row.timeEpochNs ?? String(row.timeEpochMs * 1e6),
      labels: JSON.stringify(row.labels ?? {}),
      direction: options?.direction === 'FORWARD' ? 'forward' : 'backward',
      limit: options?.limit ?? 10,
    });
    return { data: [toDataFrame(frame)] };
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

  async ask(request: DataQueryRequest<ErrataQuery>): Promise<DataQueryResponse> {
    return firstValueFrom(this.query(request) as Observable<DataQueryResponse>);
  }

  testDatasource(): Promise<TestDataSourceResponse> {
    return super.testDatasource();
  }
}

export function asFilter(f: AdHocVariableFilter): Filter {
  const values = (f as { values?: string[] }).values;
  return { key: f.key, operator: f.operator, value: f.value, ...(values?.length ? { values } : {}) };
}
