import { expect, test } from '@grafana/plugin-e2e';
import { choose } from './errata';

// A rule on each mode that people set rules on is evaluated without an error, whatever is in the store.
const rules: Array<{ mode: string; format?: string }> = [
  { mode: 'Issues' },
  { mode: 'Events' },
  { mode: 'Error trend' },
  { mode: 'Logs' },
  { mode: 'Releases', format: 'numeric' },
  { mode: 'Outcomes' },
  { mode: 'Lag' },
];

for (const { mode, format } of rules) {
  test(`alert rule: ${mode}`, async ({ alertRuleEditPage, readProvisionedDataSource, page }) => {
    const ds = await readProvisionedDataSource({ fileName: 'errata.yaml' });
    await alertRuleEditPage.alertRuleNameField.fill(`Spec of ${mode}`);
    if (await alertRuleEditPage.isAdvancedModeSupported()) {
      await alertRuleEditPage.enableAdvancedQueryMode();
    }
    const row = await alertRuleEditPage.getQueryRow('A');
    await row.datasource.set(ds.name);
    await choose(page, row.locator, 'Ask for', mode);
    if (format) {
      await choose(page, row.locator, 'Format', format);
    }
    await expect(alertRuleEditPage.evaluate()).toBeOK();
  });
}

test('a provisioned rule is shown with its query', async ({ readProvisionedAlertRule, gotoAlertRuleEditPage, page }) => {
  const rule = await readProvisionedAlertRule({ fileName: 'errata.yaml', groupName: 'errata', ruleTitle: 'New issue' });
  await gotoAlertRuleEditPage(rule);
  await expect(page.getByText('New issue').first()).toBeVisible();
});
