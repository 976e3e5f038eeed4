import React from 'react';
import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { Alert, InlineField, useStyles2 } from '@grafana/ui';
import { Choice } from '../components/Choice';
import { useLoad } from '../shared/load';
import type { ErrataDataSource } from './datasource';
import { TextField } from './TextField';
import type { ErrataQuery } from './types';

interface Props {
  datasource: ErrataDataSource;
  query: ErrataQuery;
  onChange: (part: Partial<ErrataQuery>) => void;
}

// The panel gives these itself.
const GIVEN = ['project', 'projects', 'from', 'to', 'limit', 'bucket_seconds', 'bucket_hours'];

// CatalogName chooses a question of the catalog.
export function CatalogName({ datasource, query, onChange }: Props) {
  const all = useLoad(() => datasource.catalog(), [datasource]);
  const options = (all.value?.queries ?? []).map((q) => ({ value: q.name, label: q.name.replace(/_/g, ' '), description: q.purpose }));
  return (
    <InlineField label="Question" labelWidth={14}>
      <Choice label="Question" width={32} options={options} value={query.name} onChange={(name) => onChange({ name, params: {}, metric: undefined })} />
    </InlineField>
  );
}

// CatalogParams are the values that the chosen question takes.
export function CatalogParams({ datasource, query, onChange }: Props) {
  const s = useStyles2(styles);
  const all = useLoad(() => datasource.catalog(), [datasource]);
  const chosen = all.value?.queries.find((q) => q.name === query.name);
  const set = (name: string, value: string) => onChange({ params: Object.fromEntries(Object.entries({ ...query.params, [name]: value }).filter(([, v]) => v !== '')) });
  if (all.error) {
    return <Alert severity="error" title="Cannot read the catalog">{all.error}</Alert>;
  }
  if (!chosen) {
    return null;
  }
  return (
    <>
      <p className={s.help}>{chosen.purpose}</p>
      <div className={s.row}>
        {(chosen.params ?? [])
          .filter((p) => !GIVEN.includes(p.name))
          .map((p) =>
            p.one_of?.length ? (
              <InlineField key={p.name} label={p.name} labelWidth={14} tooltip={p.purpose}>
                <Choice label={p.name} options={p.one_of.map((value) => ({ value, label: value }))} value={query.params?.[p.name] ?? p.default} onChange={(v) => set(p.name, v)} />
              </InlineField>
            ) : (
              <TextField key={p.name} name={p.name} value={query.params?.[p.name]} placeholder={p.default ?? (p.required ? 'required' : 'all')} tooltip={p.purpose} onCommit={(v) => set(p.name, v)} />
            )
          )}
      </div>
    </>
  );
}

const styles = (theme: GrafanaTheme2) => ({
  row: css({ display: 'flex', flexWrap: 'wrap', columnGap: theme.spacing(0.5) }),
  help: css({ color: theme.colors.text.secondary, fontSize: theme.typography.bodySmall.fontSize, marginBottom: theme.spacing(0.5) }),
});
