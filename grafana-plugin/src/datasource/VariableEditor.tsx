import React from 'react';
import type { QueryEditorProps } from '@grafana/data';
import { InlineField } from '@grafana/ui';
import { Choice } from '../components/Choice';
import { TextField } from './TextField';
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
        <TextField name="Project" labelWidth={16} width={32} tooltip="Id or slug; empty means all. A variable such as $project works." value={query.project} onCommit={(project) => set({ project })} />
      )}
      {query.variable === 'tag_value' && (
        <TextField name="Tag key" labelWidth={16} width={32} value={query.tagKey} onCommit={(tagKey) => set({ tagKey })} />
      )}
      {query.variable !== 'tag_key' && (
        <TextField
          name="Containing"
          labelWidth={16}
          width={32}
          placeholder="all"
          tooltip="Part of the values. $__searchFilter stands for what is typed into the drop-down: for keys with more values than the 5000 that are listed."
          value={query.containing}
          onCommit={(containing) => set({ containing })}
        />
      )}
    </>
  );
}
