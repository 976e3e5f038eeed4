import { expect, test } from '@grafana/plugin-e2e';
import { choose, type } from './errata';

// Each mode of the query editor answers, and shows the fields it has.
const modes: Array<{ mode: string; visualization: string; fields: string[]; fill?: [string, string] }> = [
  { mode: 'Issues', visualization: 'Table', fields: ['Status', 'Sort by', 'Project', 'Release', 'Text'] },
  { mode: 'Events', visualization: 'Table', fields: ['Service', 'Level', 'Issue', 'Text'] },
  { mode: 'Error trend', visualization: 'Time series', fields: ['Split by', 'Environment', 'Service'] },
  { mode: 'Logs', visualization: 'Logs', fields: ['Service', 'Level', 'Trace id', 'Text'] },
  { mode: 'Trace', visualization: 'Traces', fields: ['Trace id'], fill: ['Trace id', '0123456789abcdef0123456789abcdef'] },
  { mode: 'Trace search', visualization: 'Table', fields: ['Service', 'Longer than', 'Only errors'] },
  { mode: 'Releases', visualization: 'Table', fields: ['Format', 'Project'] },
  { mode: 'Outcomes', visualization: 'Table', fields: ['Format', 'Project'] },
  { mode: 'Lag', visualization: 'Table', fields: ['Format', 'Project'] },
  { mode: 'Catalog', visualization: 'Table', fields: ['Question', 'Format', 'Project'] },
  { mode: 'SQL', visualization: 'Table', fields: ['Format', 'Project'] },
];

for (const { mode, visualization, fields, fill } of modes) {
  test(`query editor: ${mode}`, async ({ panelEditPage, readProvisionedDataSource, page }) => {
    const ds = await readProvisionedDataSource({ fileName: 'errata.yaml' });
    await panelEditPage.datasource.set(ds.name);
    await panelEditPage.setVisualization(visualization);
    const row = panelEditPage.getQueryEditorRow('A');
    await choose(page, row, 'Ask for', mode);
    for (const field of fields) {
      await expect(row.getByLabel(field, { exact: true }).first()).toBeAttached();
    }
    if (fill) {
      await type(row, ...fill);
    }
    if (mode !== 'SQL' && mode !== 'Catalog') {
      await expect(panelEditPage.refreshPanel()).toBeOK();
    }
    await expect(panelEditPage.panel.getErrorIcon()).toHaveCount(0);
  });
}

test('a wrong query is said in a sentence', async ({ panelEditPage, readProvisionedDataSource }) => {
  const ds = await readProvisionedDataSource({ fileName: 'errata.yaml' });
  await panelEditPage.datasource.set(ds.name);
  await type(panelEditPage.getQueryEditorRow('A'), 'Project', 'no-such-project');
  await panelEditPage.refreshPanel({ waitForResponsePredicateCallback: (r) => r.url().includes('/api/ds/query') });
  await expect(panelEditPage.panel.getErrorIcon()).toBeVisible();
});

test('Explore draws issues with the triage panel', async ({ explorePage, readProvisionedDataSource, page }) => {
  const ds = await readProvisionedDataSource({ fileName: 'errata.yaml' });
  await explorePage.datasource.set(ds.name);
  await expect(explorePage.runQuery()).toBeOK();
  await expect(page.getByRole('button', { name: 'Resolve', exact: true }).or(page.getByText('No issues')).first()).toBeVisible();
});

test('Explore follows logs live', async ({ explorePage, readProvisionedDataSource, page }) => {
  const ds = await readProvisionedDataSource({ fileName: 'errata.yaml' });
  await explorePage.datasource.set(ds.name);
  await choose(page, explorePage.getQueryEditorRow('A'), 'Ask for', 'Logs');
  const channel = page.waitForResponse((r) => r.url().includes('/resources/live'));
  await page.getByRole('button', { name: /live/i }).first().click();
  expect((await channel).ok()).toBe(true);
  await page.getByRole('button', { name: /(stop|exit|pause)/i }).first().click();
});
