import React from 'react';
import type { DataSourcePluginOptionsEditorProps } from '@grafana/data';
import { Alert, FieldSet, InlineField, InlineSwitch, Input, SecretInput, SecretTextArea } from '@grafana/ui';
import { Choice } from '../components/Choice';
import type { ErrataOptions, ErrataSecrets } from './types';

type Props = DataSourcePluginOptionsEditorProps<ErrataOptions, ErrataSecrets>;

const ROLES = [
  { value: 'Editor', label: 'Editors and admins' },
  { value: 'Admin', label: 'Admins' },
  { value: 'Viewer', label: 'Everybody' },
  { value: 'nobody', label: 'Nobody' },
] as const;

const KINDS = [
  { value: 'tempo', label: 'Tempo' },
  { value: 'jaeger', label: 'Jaeger' },
] as const;

export function ConfigEditor({ options, onOptionsChange }: Props) {
  const { jsonData, secureJsonFields = {}, secureJsonData = {} } = options;
  const set = (part: Partial<ErrataOptions>) => onOptionsChange({ ...options, jsonData: { ...jsonData, ...part } });
  const secret = (name: keyof ErrataSecrets, value: string) =>
    onOptionsChange({ ...options, secureJsonData: { ...secureJsonData, [name]: value } });
  const reset = (name: keyof ErrataSecrets) =>
    onOptionsChange({
      ...options,
      secureJsonFields: { ...secureJsonFields, [name]: false },
      secureJsonData: { ...secureJsonData, [name]: '' },
    });
  const secretInput = (name: 'password' | 'triagePassword', label: string, tooltip: string) => (
    <InlineField label={label} labelWidth={24} tooltip={tooltip}>
      <SecretInput
        aria-label={label}
        width={40}
        isConfigured={Boolean(secureJsonFields[name])}
        value={secureJsonData[name] ?? ''}
        onChange={(e) => secret(name, e.currentTarget.value)}
        onReset={() => reset(name)}
      />
    </InlineField>
  );
  const area = (name: 'tlsCACert' | 'tlsClientCert' | 'tlsClientKey', label: string, tooltip: string) => (
    <InlineField label={label} labelWidth={24} tooltip={tooltip}>
      <SecretTextArea
        aria-label={label}
        rows={4}
        cols={40}
        isConfigured={Boolean(secureJsonFields[name])}
        onChange={(e) => secret(name, e.currentTarget.value)}
        onReset={() => reset(name)}
      />
    </InlineField>
  );
  return (
    <>
      <FieldSet label="Store">
        <InlineField label="ClickHouse address" labelWidth={24} tooltip="host:port of the native protocol, as errata up prints it.">
          <Input aria-label="ClickHouse address" width={40} placeholder="127.0.0.1:9000" value={jsonData.address ?? ''} onChange={(e) => set({ address: e.currentTarget.value })} />
        </InlineField>
        <InlineField label="Database" labelWidth={24}>
          <Input aria-label="Database" width={40} placeholder="errata" value={jsonData.database ?? ''} onChange={(e) => set({ database: e.currentTarget.value })} />
        </InlineField>
        <InlineField label="User" labelWidth={24} tooltip="The read-only user.">
          <Input aria-label="User" width={40} placeholder="reader" value={jsonData.username ?? ''} onChange={(e) => set({ username: e.currentTarget.value })} />
        </InlineField>
        {secretInput('password', 'Password', 'Of the read-only user: secrets.json in the data folder.')}
        <InlineField label="TLS" labelWidth={24}>
          <InlineSwitch aria-label="TLS" value={Boolean(jsonData.tls)} onChange={(e) => set({ tls: e.currentTarget.checked })} />
        </InlineField>
        {jsonData.tls && (
          <>
            {area('tlsCACert', 'CA certificate', "PEM; empty means the system's.")}
            {area('tlsClientCert', 'Client certificate', 'PEM; where the server asks for one.')}
            {area('tlsClientKey', 'Client key', 'PEM; of the client certificate.')}
            <InlineField label="Skip verification" labelWidth={24}>
              <InlineSwitch aria-label="Skip verification" value={Boolean(jsonData.tlsSkipVerify)} onChange={(e) => set({ tlsSkipVerify: e.currentTarget.checked })} />
            </InlineField>
            {jsonData.tlsSkipVerify && <Alert severity="warning" title="Anybody between Grafana and the store can read and change what they say." />}
          </>
        )}
      </FieldSet>
      <FieldSet label="Triage">
        <InlineField label="Who may triage" labelWidth={24}>
          <Choice label="Who may triage" width={40} options={ROLES} value={jsonData.triageRole ?? 'Editor'} onChange={(triageRole) => set({ triageRole })} />
        </InlineField>
        <InlineField label="Triage user" labelWidth={24} tooltip="May append to the triage log and nothing else.">
          <Input aria-label="Triage user" width={40} placeholder="triage" value={jsonData.triageUsername ?? ''} onChange={(e) => set({ triageUsername: e.currentTarget.value })} />
        </InlineField>
        {secretInput('triagePassword', 'Triage password', 'Without it the buttons stay disabled.')}
      </FieldSet>
      <FieldSet label="Limits and links">
        <InlineField label="Timeout" labelWidth={24} tooltip="Seconds a query may take.">
          <Input aria-label="Timeout" type="number" width={40} placeholder="30" value={jsonData.timeoutSeconds ?? ''} onChange={(e) => set({ timeoutSeconds: Number(e.currentTarget.value) || undefined })} />
        </InlineField>
        <InlineField label="Rows at most" labelWidth={24}>
          <Input aria-label="Rows at most" type="number" width={40} placeholder="1000" value={jsonData.maxRows ?? ''} onChange={(e) => set({ maxRows: Number(e.currentTarget.value) || undefined })} />
        </InlineField>
        <InlineField label="Edges" labelWidth={24} tooltip="host:port of the HTTP port of each edge, commas between. With it the mode Lag sees a consumer that is down.">
          <Input aria-label="Edges" width={40} placeholder="127.0.0.1:8000" value={jsonData.edges ?? ''} onChange={(e) => set({ edges: e.currentTarget.value })} />
        </InlineField>
        <InlineField label="Traces data source" labelWidth={24} tooltip="Uid of a Tempo or Jaeger data source that trace ids also link to.">
          <Input aria-label="Traces data source" width={40} value={jsonData.tracesDatasourceUid ?? ''} onChange={(e) => set({ tracesDatasourceUid: e.currentTarget.value })} />
        </InlineField>
        {jsonData.tracesDatasourceUid && (
          <InlineField label="It is" labelWidth={24} tooltip="Tempo and Jaeger are asked for a trace in different ways.">
            <Choice label="It is" width={40} options={KINDS} value={jsonData.tracesDatasourceKind ?? 'tempo'} onChange={(tracesDatasourceKind) => set({ tracesDatasourceKind })} />
          </InlineField>
        )}
      </FieldSet>
    </>
  );
}
