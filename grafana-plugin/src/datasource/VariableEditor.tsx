import React from 'react';
import type { QueryEditorProps } from '@grafana/data';
import { InlineField, Input } from '@grafana/ui';
import { Choice } from '../components/Choice';
import type { ErrataDataSource } from './datasource';
import type { ErrataOptions } from './types';
import type { VariableQuery } from './variables';

const KINDS = ['project', 'environment', 'release', 'service', 'tag_key', 'tag_value', 'issue'].map((value) => ({
  value,
  label: value.replace('_', ' '),
}));

export function VariableEditor({ query, onChange }: QueryEditorProps<ErrataDataSource, VariableQuery, ErrataOptions>) {
  const set = (part: Partial<VariableQuery>) => onChange({ ...query, refId: query.refId ?? 'A', ...part });
  return (
    <>
      <InlineField label="Values of" labelWidth={16}>
        <Choice label="Values of" options={KINDS} value={query.variable ?? 'project'} onChange={(variable) => set({ variable })} />
      </InlineField>
      {query.variable !== 'project' && (
        <InlineField label="Project" labelWidth={16} tooltip="Id or slug; empty means all. A variable such as $project works.">
          <Input width={32} value={query.project ?? ''} onChange={(e) => set({ project: e.currentTarget.value })} aria-label="Project" />
        </InlineField>
      )}
      {query.variable === 'tag_value' && (
        <InlineField label="Tag key" labelWidth={16}>
          <Input width={32} value={query.tagKey ?? ''} onChange={(e) => set({ tagKey: e.currentTarget.value })} aria-label="Tag key" />
        </InlineField>
      )}
    </>
  );
}
