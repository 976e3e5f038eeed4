import React from 'react';
import type { QueryEditorProps } from '@grafana/data';
import { InlineField } from '@grafana/ui';
import { Choice } from '../components/Choice';
import { TextField } from './TextField';
import type { ErrataDataSource } from './datasource';
import type { ErrataOptions, ErrataQuery } from './types';

const KINDS = [
  { value: 'releases', label: 'Releases' },
  { value: 'first_seen', label: 'Issues first seen' },
  { value: 'regressions', label: 'Regressions' },
  { value: 'actions', label: 'Triage actions' },
];

// AnnotationEditor asks what to mark on the charts of a dashboard.
export function AnnotationEditor({ query, onChange, onRunQuery }: QueryEditorProps<ErrataDataSource, ErrataQuery, ErrataOptions>) {
  const set = (part: Partial<ErrataQuery>) => {
    onChange({ ...query, refId: query?.refId ?? 'Anno', mode: 'annotations', kind: query?.kind ?? 'releases', ...part });
    onRunQuery?.();
  };
  return (
    <>
      <InlineField label="Mark" labelWidth={16}>
        <Choice label="Mark" options={KINDS} value={query?.kind ?? 'releases'} onChange={(kind) => set({ kind })} />
      </InlineField>
      <TextField name="Project" labelWidth={16} width={32} placeholder="all" tooltip="Id or slug; empty means all. A variable such as $project works." value={query?.project} onCommit={(project) => set({ project })} />
      {(query?.kind ?? 'releases') === 'releases' ? (
        <TextField name="Environment" labelWidth={16} width={32} placeholder="all" value={query?.environment} onCommit={(environment) => set({ environment })} />
      ) : (
        <TextField name="Issue" labelWidth={16} width={32} placeholder="all" tooltip="16 hex digits, or a variable such as $issue." value={query?.issue} onCommit={(issue) => set({ issue })} />
      )}
    </>
  );
}
