import { expect, test } from '@grafana/plugin-e2e';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { choose } from './errata';

const folder = path.join(__dirname, '../../src/dashboards');
for (const file of readdirSync(folder)) {
  const { uid, title } = JSON.parse(readFileSync(path.join(folder, file), 'utf8')) as { uid: string; title: string };
  test(`dashboard: ${title}`, async ({ gotoDashboardPage }) => {
    const dashboard = await gotoDashboardPage({ uid });
    await expect(dashboard).not.toHavePanelErrors();
  });
}

for (const mark of ['Releases', 'Issues first seen', 'Regressions', 'Triage actions']) {
  test(`annotations: ${mark}`, async ({ annotationEditPage, readProvisionedDataSource, page }) => {
    const ds = await readProvisionedDataSource({ fileName: 'errata.yaml' });
    await annotationEditPage.datasource.set(ds.name);
    await choose(page, page, 'Mark', mark);
    await expect(annotationEditPage.runQuery()).toBeOK();
  });
}

for (const [values, needs] of [['project'], ['environment'], ['release'], ['service'], ['tag key'], ['issue'], ['tag value', 'Tag key']] as Array<[string, string?]>) {
  test(`variables: ${values}`, async ({ variableEditPage, readProvisionedDataSource, page }) => {
    const ds = await readProvisionedDataSource({ fileName: 'errata.yaml' });
    await variableEditPage.setVariableType('Query');
    await variableEditPage.datasource.set(ds.name);
    const asked = page.waitForResponse((r) => r.url().includes('/resources/options/'));
    await choose(page, page, 'Values of', values);
    if (needs) {
      await page.getByLabel(needs, { exact: true }).fill('environment');
    }
    await variableEditPage.runQuery();
    expect((await asked).ok()).toBe(true);
  });
}
