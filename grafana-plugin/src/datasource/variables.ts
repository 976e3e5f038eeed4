import { CustomVariableSupport } from '@grafana/data';
import type { DataQueryRequest, DataQueryResponse } from '@grafana/data';
import { getTemplateSrv } from '@grafana/runtime';
import { from, map } from 'rxjs';
import type { Observable } from 'rxjs';
import type { ErrataDataSource } from './datasource';
import type { ErrataQuery } from './types';
import { VariableEditor } from './VariableEditor';

export interface VariableQuery extends ErrataQuery {
  containing?: string; // Part of the values; $__searchFilter is what a person types.
  variable?: string; // project, environment, release, service, tag_key, tag_value, issue.
}

export class VariableSupport extends CustomVariableSupport<ErrataDataSource, VariableQuery> {
  editor = VariableEditor;

  constructor(private readonly ds: ErrataDataSource) {
    super();
  }

  query(request: DataQueryRequest<VariableQuery>): Observable<DataQueryResponse> {
    const q = request.targets[0] ?? ({} as VariableQuery);
    const srv = getTemplateSrv();
    const typed = request.scopedVars?.__searchFilter?.value ?? '';
    const params = {
      project: srv.replace(q.project ?? '', request.scopedVars, 'csv'),
      key: srv.replace(q.tagKey ?? '', request.scopedVars),
      text: srv.replace((q.containing ?? '').replace('$__searchFilter', String(typed).replace(/\*$/, '')), request.scopedVars),
      limit: 5000,
      from: request.range?.from.valueOf(),
      to: request.range?.to.valueOf(),
    };
    return from(
      this.ds.getResource<{ values: Array<{ text: string; value: string }> }>(
        `options/${encodeURIComponent(q.variable || 'project')}`,
        Object.fromEntries(Object.entries(params).filter(([, v]) => v !== '' && v !== undefined))
      )
    ).pipe(map(({ values }) => ({ data: values.map((v) => ({ text: v.text, value: v.value })) as never[] })));
  }
}
