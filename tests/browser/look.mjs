// Opens a page in headless Chromium in both themes and two widths, and says what it saw.
import chromium from '@sparticuz/chromium';
import puppeteer from 'puppeteer-core';

const [file, folder] = process.argv.slice(2);
const seen = { console: [], errors: [], requests: [], views: [] };
const browser = await puppeteer.launch({
  args: chromium.args,
  executablePath: await chromium.executablePath(),
  headless: 'shell',
});
try {
  const page = await browser.newPage();
  page.on('console', (message) => seen.console.push(message.text()));
  page.on('pageerror', (error) => seen.errors.push(String(error)));
  page.on('request', (request) => seen.requests.push(request.url()));
  for (const theme of ['light', 'dark']) {
    for (const width of [1280, 390]) {
      await page.setViewport({ width, height: 900 });
      await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: theme }]);
      await page.goto(`file://${file}`);
      await page.screenshot({ path: `${folder}/${theme}-${width}.png` });
      const view = await page.evaluate(() => ({
        scroll: document.documentElement.scrollWidth,
        background: getComputedStyle(document.body).backgroundColor,
        rows: document.querySelectorAll('#matrix tbody tr').length,
      }));
      seen.views.push({ theme, width, ...view });
    }
  }
  await page.setViewport({ width: 1280, height: 900 });
  seen.filtered = await page.evaluate(() => {
    const input = document.querySelector('#matrix .filter input');
    input.value = 'no such row';
    input.dispatchEvent(new Event('input'));
    return document.querySelectorAll('#matrix-0 tbody tr:not([hidden])').length;
  });
  seen.sorted = await page.evaluate(() => {
    const table = document.querySelector('#matrix table.sort');
    const names = () => Array.from(table.tBodies[0].rows, (row) => row.cells[0].textContent);
    const button = table.querySelector('thead button');
    button.click();
    const up = names();
    button.click();
    return { up, down: names(), order: table.querySelector('th').getAttribute('aria-sort') };
  });
  await page.goto(`file://${file}`);
  seen.walked = [];
  const at = () => page.evaluate(() => {
    const why = document.querySelector('.why');
    const cell = document.activeElement;
    return {
      row: cell.parentNode.rowIndex,
      column: cell.cellIndex,
      evidence: cell.title,
      told: why.hidden ? '' : why.textContent,
    };
  });
  await page.focus('#matrix table.sort td.c[tabindex="0"]');
  seen.walked.push(await at());
  for (const key of ['ArrowRight', 'ArrowDown', 'End', 'Home', 'Escape']) {
    if (key === 'Escape') await page.screenshot({ path: `${folder}/cell.png` });
    await page.keyboard.press(key);
    seen.walked.push(await at());
  }
  seen.tabStops = await page.evaluate(
    () => document.querySelectorAll('#matrix-0 table.sort td.c[tabindex]').length
      - document.querySelectorAll('#matrix-0 table.sort').length,
  );
  await page.setJavaScriptEnabled(false);
  await page.goto(`file://${file}`);
  await page.pdf({ path: `${folder}/page.pdf` });
  seen.withoutScript = await page.evaluate(() => document.body.innerText.length);
} finally {
  await browser.close();
}
process.stdout.write(JSON.stringify(seen));
