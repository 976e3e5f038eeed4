import React from 'react';
import { LinkButton } from '@grafana/ui';
import { locationUtil } from '@grafana/data';
import type { Api } from '../shared/api';
import { DATASOURCE_TYPE } from '../shared/api';

// exploreUrl opens a query of this data source in Explore, in the form that
// Grafana reads since 10.0.
export function exploreUrl(uid: string, query: object, range?: { from: number; to: number }): string {
  const datasource = { type: DATASOURCE_TYPE, uid };
  const panes = {
    errata: {
      datasource: uid,
      queries: [{ refId: 'A', datasource, ...query }],
      range: range ? { from: String(range.from), to: String(range.to) } : { from: 'now-14d', to: 'now' },
    },
  };
  return locationUtil.assureBaseUrl(`/explore?schemaVersion=1&panes=${encodeURIComponent(JSON.stringify(panes))}`);
}

export interface ExploreLinksProps {
  api: Api;
  project: number;
  issue: string;
  traceId?: string;
  range?: { from: number; to: number };
}

// ExploreLinks lead from an issue to its events, its trace and that trace's
// logs; there, fields of issues and traces lead back.
export function ExploreLinks({ api, project, issue, traceId, range }: ExploreLinksProps) {
  const links: Array<[string, object]> = [
    ['Events in Explore', { mode: 'events', project: String(project), issue }],
    ...(traceId
      ? ([
          ['Trace in Explore', { mode: 'trace', traceId }],
          ['Logs in Explore', { mode: 'logs', traceId }],
        ] as Array<[string, object]>)
      : []),
  ];
  return (
    <>
      {links.map(([label, query]) => (
        <LinkButton key={label} size="sm" variant="secondary" fill="text" icon="compass" href={exploreUrl(api.uid, query, range)}>
          {label}
        </LinkButton>
      ))}
    </>
  );
}
