import { expect, test } from '@grafana/plugin-e2e';
import type { Options } from './errata';
import { TYPE } from './errata';

test.describe('config editor', () => {
  test('the provisioned data source answers', async ({ gotoDataSourceConfigPage, readProvisionedDataSource }) => {
    const ds = await readProvisionedDataSource<Options>({ fileName: 'errata.yaml' });
    const page = await gotoDataSourceConfigPage(ds.uid);
    await expect(page.saveAndTest()).toBeOK();
    await expect(page).toHaveAlert('success', { hasText: 'The store answers' });
  });

  test('a wrong address is said in a sentence', async ({ createDataSourceConfigPage, page }) => {
    const config = await createDataSourceConfigPage({ type: TYPE });
    await page.getByLabel('ClickHouse address').fill('127.0.0.1:1');
    await page.getByLabel('Password', { exact: true }).fill('wrong');
    await expect(config.saveAndTest()).not.toBeOK();
    await expect(config).toHaveAlert('error', { hasText: 'Nothing answers as ClickHouse at 127.0.0.1:1' });
  });

  test('secrets are not shown again', async ({ createDataSourceConfigPage, page }) => {
    const config = await createDataSourceConfigPage({ type: TYPE });
    await page.getByLabel('ClickHouse address').fill('127.0.0.1:1');
    await page.getByLabel('Password', { exact: true }).fill('a secret');
    await config.saveAndTest().catch(() => undefined);
    await page.reload();
    await expect(page.getByLabel('ClickHouse address')).toHaveValue('127.0.0.1:1');
    await expect(page.getByText('a secret')).toHaveCount(0);
    await expect(page.getByRole('button', { name: /reset/i }).first()).toBeVisible();
  });
});
