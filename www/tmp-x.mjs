import { chromium } from 'playwright';
const b = await chromium.launch({ executablePath: '/usr/bin/chromium' });
for (const [name, w, h, scheme] of [['wide',1440,900,'light'],['phone',390,844,'dark']]) {
  const p = await b.newPage({ viewport: { width: w, height: h }, colorScheme: scheme });
  p.on('console', (m) => console.log(m.text()));
  p.on('pageerror', (e) => console.log(e));
  await p.goto('http://127.0.0.1:8211/?loss=30&where=everything');
  await p.locator('#play').waitFor();
  await p.locator('#fault-isolate').click();
  for (let i = 0; i < 3; i++) await p.locator('#step').click();
  if (w < 640) await p.locator('#menu > summary').click();
  await p.locator('#share').click();
  await p.locator('#share-dialog').waitFor();
  await p.screenshot({ path: `/tmp/h/links-${name}.png` });
  await p.locator('#share-code').click();
  await p.locator('.qr').waitFor();
  await p.screenshot({ path: `/tmp/h/links-${name}-qr.png` });
  if (w > 640) for (const id of ['out-drawing-svg','out-drawing-png','out-charts-svg','out-charts-png','out-report','out-events']) {
    const [d] = await Promise.all([p.waitForEvent('download'), p.locator('#' + id).click()]);
    await d.saveAs('/tmp/h/links-out/' + id + '.' + d.suggestedFilename().split('.').pop());
  }
}
await b.close();
