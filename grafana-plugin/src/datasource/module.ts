import { DataSourcePlugin } from '@grafana/data';
import { ConfigEditor } from './ConfigEditor';
import { ErrataDataSource } from './datasource';
import { QueryEditor } from './QueryEditor';
import type { ErrataOptions, ErrataQuery, ErrataSecrets } from './types';

export const plugin = new DataSourcePlugin<ErrataDataSource, ErrataQuery, ErrataOptions, ErrataSecrets>(ErrataDataSource)
  .setConfigEditor(ConfigEditor)
  .setQueryEditor(QueryEditor);
