import type { DataQueryRequest, LogRowModel } from '@grafana/data';
import { SupplementaryQueryType } from '@grafana/data';
import { setTemplateSrv } from '@grafana/runtime';
import { firstValueFrom } from 'rxjs';
import { ErrataDataSource } from '../datasource/datasource';
import type { ErrataQuery } from '../datasource/types';
import type { VariableQuery, VariableSupport } from '../datasource/variables';

const values: Record<string, unknown> = { project: ['1', '2'], one: 'web', comma: 'a,b', quote: "x' OR 1=1 --", words: ['bad', 'card'], bracket: '["a"]', blank: ' x ' };

// As Grafana does: ${name} and $name, each value through the formatter.
const replace = (s?: string, scoped?: Record<string, { value: unknown }>, format: unknown = String) =>
  (s ?? '').replace(/\$\{?(\w+)\}?/g, (all, name: string) => {
    const v = scoped?.[name]?.value ?? values[name];
    return v === undefined ? all : typeof format === 'function' ? format(v) : String(v);
  });

const source = () => {
  setTemplateSrv({ replace, getVariables: () => [], containsTemplate: () => false, updateTimeRange() {} } as never);
  return new ErrataDataSource({ id: 1, uid: 'u', type: 't', name: 'n', jsonData: {}, meta: {} } as never);
};
const query = (q: Partial<ErrataQuery>) => ({ refId: 'A', mode: 'issues', ...q }) as ErrataQuery;

describe('variables in fields', () => {
  it.each([
    ['several values are JSON', { project: '$project' }, 'project', '["1","2"]'],
    ['one value is plain', { service: '${one}' }, 'service', 'web'],
    ['a value with a comma stays one', { release: '$comma' }, 'release', '["a,b"]'],
    ['words of a search are joined', { text: '$words' }, 'text', 'bad card'],
    ['a value that looks like a list stays one', { release: '$bracket' }, 'release', '["[\\"a\\"]"]'],
    ['blanks around a value are kept', { environment: '$blank' }, 'environment', '[" x "]'],
    ['quotes are no syntax', { environment: '$quote' }, 'environment', "x' OR 1=1 --"],
    ['SQL gets a quoted literal', { mode: 'sql', sql: 'SELECT $quote' }, 'sql', "SELECT 'x\\' OR 1=1 --'"],
    ['SQL gets a list of literals', { mode: 'sql', sql: 'IN ($project)' }, 'sql', "IN ('1','2')"],
  ] as Array<[string, Partial<ErrataQuery>, keyof ErrataQuery, string]>)('%s', (_, q, field, want) => {
    expect(source().applyTemplateVariables(query(q), {})[field]).toBe(want);
  });

  it('leaves the interval to the backend', () => {
    const q = source().applyTemplateVariables(query({ mode: 'sql', sql: 'GROUP BY $__interval' }), { __interval: { value: '1m', text: '1m' } });
    expect(q.sql).toBe('GROUP BY $__interval');
  });
});

it('fills the values of a query of the catalog', () => {
  const q = source().applyTemplateVariables(query({ mode: 'catalog', name: 'cost', params: { by: 'tag', key: '$one', environment: '$project' } }), {});
  expect(q.params).toEqual({ by: 'tag', key: 'web', environment: '["1","2"]' });
});

// Users of other data sources lose their filters on the way to Explore.
it.each([
  ['newer Grafana gives the filters', [{ key: 'plan', operator: '=', value: 'pro' }], []],
  ['older Grafana keeps them with the templates', undefined, [{ key: 'plan', operator: '=', value: 'pro' }]],
])('opens Explore with the filters: %s', (_, given, kept) => {
  const ds = source();
  setTemplateSrv({ replace, getVariables: () => [], containsTemplate: () => false, updateTimeRange() {}, getAdhocFilters: () => kept } as never);
  const [q] = ds.interpolateVariablesInQueries([query({ mode: 'events', service: '$one', filters: [{ key: 'host', operator: '=', value: '$one' }] })], {}, given);
  expect(q).toMatchObject({ service: 'web', filters: [{ key: 'host', operator: '=', value: 'web' }, { key: 'plan', operator: '=', value: 'pro' }] });
});

it('asks for keys and values within the time range, the project and the other filters', async () => {
  const ds = source();
  const get = jest.spyOn(ds, 'getResource').mockResolvedValue({ values: [{ text: 'pro', value: 'pro' }] });
  const timeRange = { from: { valueOf: () => 1 }, to: { valueOf: () => 2 } } as never;
  const queries = [query({ project: '$project' }), query({ refId: 'B', project: '$project' })];
  await ds.getTagKeys({ timeRange, queries });
  expect(get).toHaveBeenLastCalledWith('options/filter_key', { project: '["1","2"]', from: 1, to: 2 });
  await ds.getTagValues({ key: 'plan', timeRange, queries: [], filters: [{ key: 'plan', operator: '=', value: '' }, { key: 'env', operator: '=', value: 'a"b' }] });
  expect(get).toHaveBeenLastCalledWith('options/filter_value', { key: 'plan', from: 1, to: 2, filters: JSON.stringify([{ key: 'env', operator: '=', value: 'a"b' }]) });
});

it('hands ad hoc filters on as values', () => {
  const q = source().applyTemplateVariables(query({}), {}, [
    { key: 'plan', operator: '=', value: "a' OR 1=1" },
    { key: 'k', operator: '=|', value: 'x', values: ['x', 'y'] } as never,
  ]);
  expect(q.filters).toEqual([
    { key: 'plan', operator: '=', value: "a' OR 1=1" },
    { key: 'k', operator: '=|', value: 'x', values: ['x', 'y'] },
  ]);
});

describe('what is not asked', () => {
  it.each([
    ['hidden', { hide: true }, false],
    ['SQL without text', { mode: 'sql', sql: ' ' }, false],
    ['a trace without an id', { mode: 'trace' }, false],
    ['issues', {}, true],
  ] as Array<[string, Partial<ErrataQuery>, boolean]>)('%s', (_, q, want) => expect(source().filterQuery(query(q))).toBe(want));
});

it('asks for the volume of logs only', () => {
  const ds = source();
  const request = { requestId: 'r', targets: [query({ mode: 'logs' }), query({ refId: 'B' })] } as DataQueryRequest<ErrataQuery>;
  const volume = ds.getSupplementaryRequest(SupplementaryQueryType.LogsVolume, request);
  expect(volume?.targets).toHaveLength(1);
  expect(volume?.targets[0]).toMatchObject({ mode: 'logs', volume: true });
  expect(ds.getSupplementaryRequest(SupplementaryQueryType.LogsSample, request)).toBeUndefined();
});

it('asks for the context of a log record by its own id', async () => {
  const ds = source();
  const get = jest.spyOn(ds, 'getResource').mockResolvedValue({ schema: { fields: [] }, data: { values: [] } });
  await ds.getLogRowContext({ uid: 'A_00000000-1', timeEpochNs: '17', timeEpochMs: 0, labels: { service: 'web' } } as unknown as LogRowModel, { direction: 'FORWARD', limit: 3 });
  expect(get).toHaveBeenCalledWith('log_context', { id: '00000000-1', ts: '17', labels: '{"service":"web"}', direction: 'forward', limit: 3 });
});

it('toggles a filter', () => {
  const ds = source();
  const on = ds.toggleQueryFilter(query({ mode: 'logs' }), { type: 'FILTER_FOR', options: { key: 'a.b', value: '1' } });
  expect(on.filters).toEqual([{ key: 'a.b', operator: '=', value: '1' }]);
  expect(ds.queryHasFilter(on, { key: 'a.b', value: '1' })).toBe(true);
  expect(ds.toggleQueryFilter(on, { type: 'FILTER_FOR', options: { key: 'a.b', value: '1' } }).filters).toEqual([]);
  expect(ds.toggleQueryFilter(on, { type: 'FILTER_OUT', options: { key: 'a.b', value: '1' } }).filters).toEqual([{ key: 'a.b', operator: '!=', value: '1' }]);
});

it('lists the values of a variable', async () => {
  const ds = source();
  const get = jest.spyOn(ds, 'getResource').mockResolvedValue({ values: [{ text: 'pro', value: 'pro' }] });
  const support = ds.variables as VariableSupport;
  const request = { targets: [{ refId: 'A', mode: 'issues', variable: 'tag_value', tagKey: 'plan', project: '$one' }] } as DataQueryRequest<VariableQuery>;
  const res = await firstValueFrom(support.query(request));
  expect(res).toEqual({ data: [{ text: 'pro', value: 'pro' }] });
  expect(get).toHaveBeenCalledWith('options/tag_value', { project: 'web', key: 'plan' });
});

it('offers keys that other filters leave', async () => {
  const ds = source();
  const get = jest.spyOn(ds, 'getResource').mockResolvedValue({ values: [{ text: 'plan', value: 'plan' }] });
  const filters = [{ key: 'browser', operator: '=', value: 'Firefox' }, { key: '', operator: '=', value: 'x' }];
  expect(await ds.getTagKeys({ filters })).toEqual([{ text: 'plan', value: 'plan' }]);
  expect(get).toHaveBeenCalledWith('options/filter_key', { filters: '[{"key":"browser","operator":"=","value":"Firefox"}]' });
});
