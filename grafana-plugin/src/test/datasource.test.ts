import type { DataQueryRequest, LogRowModel } from '@grafana/data';
import { FieldType, SupplementaryQueryType, toDataFrame } from '@grafana/data';
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

it('fills filters with the values of variables: several are several, all are none', () => {
  const filters = [
    { key: 'a', operator: '=', value: '$one' },
    { key: 'b', operator: '=', value: '$project' },
    { key: 'c', operator: '!=', value: '$project' },
    { key: 'd', operator: '=~', value: '$words' },
    { key: 'e', operator: '=|', value: '', values: ['$project', 'x'] },
    { key: 'f', operator: '=', value: '$all' },
    { key: 'g', operator: '=', value: '[1]' },
    { key: 'h', operator: '=', value: '$comma' },
  ];
  expect(source().applyTemplateVariables(query({ filters }), { all: { value: ['$__all'], text: 'All' } }).filters).toEqual([
    { key: 'a', operator: '=', value: 'web' },
    { key: 'b', operator: '=|', value: '', values: ['1', '2'] },
    { key: 'c', operator: '!=|', value: '', values: ['1', '2'] },
    { key: 'd', operator: '=~', value: '', values: ['bad', 'card'] },
    { key: 'e', operator: '=|', value: '', values: ['1', '2', 'x'] },
    { key: 'g', operator: '=', value: '[1]' },
    { key: 'h', operator: '=', value: 'a,b' },
  ]);
});

describe('a click on a log line or a cell', () => {
  it.each([
    ['keeps what has a value', { type: 'ADD_FILTER', options: { key: 'k', value: 'v' } }, { filters: [{ key: 'k', operator: '=', value: 'v' }] }],
    ['leaves it out', { type: 'ADD_FILTER_OUT', options: { key: 'a', value: '1' } }, { filters: [{ key: 'a', operator: '!=', value: '1' }] }],
    ['keeps lines with a text', { type: 'ADD_STRING_FILTER', options: { value: 'card' } }, { text: 'bad card' }],
    ['leaves lines with a text out', { type: 'ADD_STRING_FILTER_OUT', options: { value: 'a.b (c)' } }, { filters: [{ key: 'a', operator: '=', value: '1' }, { key: 'body', operator: '!~', value: 'a\\.b \\(c\\)' }] }],
    ['may be of a kind that we know not', { type: 'OTHER' }, {}],
  ])('%s', (_, action, want) => {
    const before = query({ mode: 'logs', text: 'bad', filters: action.type === 'ADD_FILTER' ? [] : [{ key: 'a', operator: '=', value: '1' }] });
    expect(source().modifyQuery(before, action)).toMatchObject({ ...before, ...want });
    expect(source().getSupportedQueryModifications().includes(action.type)).toBe(action.type !== 'OTHER');
  });
});

it('says where a label comes from', () => {
  const frame = toDataFrame({ fields: [{ name: 'labelTypes', values: [{ 'host.name': 'R', 'user.id': 'A', level: 'I' }] }] });
  const kind = (key: string) => source().getLabelDisplayTypeFromFrame(key, frame, 0);
  expect(['host.name', 'user.id', 'level', 'x'].map(kind)).toEqual(['Resource attributes', 'Attributes', 'Fields', null]);
  expect(source().getLabelDisplayTypeFromFrame('level', undefined, null)).toBeNull();
});

it('marks releases where an annotation says nothing', () => {
  const prepare = source().annotations.prepareQuery;
  expect(prepare?.({ name: 'n', enable: true, iconColor: '' })).toEqual({ refId: 'Anno', mode: 'annotations', kind: 'releases' });
  expect(prepare?.({ name: 'n', enable: true, iconColor: '', target: query({ refId: 'B', kind: 'actions', issue: 'aa' }) })).toEqual({ refId: 'B', mode: 'annotations', kind: 'actions', issue: 'aa' });
});

it('tells a query in words', () => {
  expect(source().getQueryDisplayText(query({ mode: 'events', project: 'shop', text: 'card', sql: 'SELECT 1', filters: [{ key: 'plan', operator: '=|', value: '', values: ['a', 'b'] }] }))).toBe('Events, project: shop, text: card, plan =| a, b');
});

it('knows the time of a log record better than Grafana does', async () => {
  const ds = source();
  const get = jest.spyOn(ds, 'getResource').mockResolvedValue({ schema: { fields: [] }, data: { values: [] } });
  const dataFrame = toDataFrame({ fields: [{ name: 'timestamp', type: FieldType.time, values: [5, 1796000000123], nanos: [0, 456000] }] });
  await ds.getLogRowContext({ uid: 'A_x', timeEpochNs: '1796000000123000000', timeEpochMs: 1796000000123, rowIndex: 1, dataFrame, labels: {} } as unknown as LogRowModel, {});
  expect(get).toHaveBeenLastCalledWith('log_context', expect.objectContaining({ ts: '1796000000123456000' }));
  await ds.getLogRowContext({ uid: 'A_x', timeEpochMs: 1796000000123, labels: {} } as unknown as LogRowModel, {});
  expect(get).toHaveBeenLastCalledWith('log_context', expect.objectContaining({ ts: '1796000000123000000' }));
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
  expect(get).toHaveBeenCalledWith('options/tag_value', { project: 'web', key: 'plan', limit: 5000 });
  const typed = { targets: [{ refId: 'A', mode: 'issues', variable: 'release', containing: 'v$__searchFilter' }], scopedVars: { __searchFilter: { value: '1.2*', text: '' } } } as unknown as DataQueryRequest<VariableQuery>;
  await firstValueFrom(support.query(typed));
  expect(get).toHaveBeenLastCalledWith('options/release', { text: 'v1.2', limit: 5000 });
});

it('offers keys that other filters leave', async () => {
  const ds = source();
  const get = jest.spyOn(ds, 'getResource').mockResolvedValue({ values: [{ text: 'plan', value: 'plan' }] });
  const filters = [{ key: 'browser', operator: '=', value: 'Firefox' }, { key: '', operator: '=', value: 'x' }];
  expect(await ds.getTagKeys({ filters })).toEqual([{ text: 'plan', value: 'plan' }]);
  expect(get).toHaveBeenCalledWith('options/filter_key', { filters: '[{"key":"browser","operator":"=","value":"Firefox"}]' });
});
