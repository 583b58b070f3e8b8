'use strict';
(() => {
  const all = (selector) => Array.from(document.querySelectorAll(selector));
  all('[data-needs-script]').forEach((element) => { element.hidden = false; });

  // The filter of the tables: every word has to be in the name of the table or of one of its columns.
  const filter = document.getElementById('filter');
  const onlyOff = document.getElementById('filter-off');
  const status = document.getElementById('filter-status');
  const items = all('[data-find]');
  const rows = items.filter((item) => item.tagName === 'TR');
  const apply = () => {
    const words = filter.value.toLowerCase().split(/\s+/).filter((word) => word !== '');
    const off = onlyOff !== null && onlyOff.checked;
    for (const item of items) {
      const text = item.dataset.find;
      const fits = words.every((word) => text.includes(word)) && (!off || item.dataset.off === 'yes');
      item.classList.toggle('filtered-out', !fits);
    }
    const shown = rows.filter((row) => !row.classList.contains('filtered-out')).length;
    status.textContent = words.length > 0 || off ? shown + ' of ' + rows.length + ' tables' : '';
  };
  if (filter !== null) {
    filter.addEventListener('input', apply);
    if (onlyOff !== null) { onlyOff.addEventListener('change', apply); }
  }

  // A link to something folded or filtered out shows it.
  const reveal = () => {
    const target = document.getElementById(location.hash.slice(1));
    if (target === null) { return; }
    if (target.closest('.filtered-out') !== null && filter !== null) {
      filter.value = '';
      if (onlyOff !== null) { onlyOff.checked = false; }
      apply();
    }
    for (let element = target; element !== null; element = element.parentElement) {
      if (element.tagName === 'DETAILS') { element.open = true; }
    }
    target.scrollIntoView();
  };
  addEventListener('hashchange', reveal);
  document.addEventListener('click', (event) => {
    const link = event.target instanceof Element ? event.target.closest('a[href^="#"]') : null;
    if (link !== null && link.getAttribute('href') === location.hash) { reveal(); }
  });
  reveal();

  const fold = (isOpen) => all('#tables details.item').forEach((element) => { element.open = isOpen; });
  document.getElementById('unfold-all')?.addEventListener('click', () => fold(true));
  document.getElementById('fold-all')?.addEventListener('click', () => fold(false));

  // On paper nothing is folded.
  let opened = [];
  const unfold = () => {
    if (opened.length > 0) { return; }
    opened = all('details:not([open])');
    opened.forEach((element) => { element.open = true; });
  };
  const restore = () => {
    opened.forEach((element) => { element.open = false; });
    opened = [];
  };
  const paper = matchMedia('print');
  paper.addEventListener('change', () => { if (paper.matches) { unfold(); } else { restore(); } });
  addEventListener('beforeprint', unfold);
  addEventListener('afterprint', restore);

  // What is copied is exact, where what is shown has escapes.
  const say = (button, word) => {
    button.textContent = word;
    setTimeout(() => { button.textContent = 'Copy'; }, 2000);
  };
  for (const button of all('button.copy')) {
    button.addEventListener('click', async () => {
      const code = button.closest('figure').querySelector('code');
      const text = code.dataset.exact === undefined ? code.textContent : JSON.parse(code.dataset.exact);
      try {
        await navigator.clipboard.writeText(text);
        say(button, 'Copied');
      } catch {
        getSelection().selectAllChildren(code);
        say(button, 'Selected');
      }
    });
  }
})();
