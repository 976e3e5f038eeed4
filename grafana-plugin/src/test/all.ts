// All entries at once, for the check of Grafana's API (host/compatible.sh).
export * as app from '../module';
export * as datasource from '../datasource/module';
export * as panel from '../panel/module';
