/** The one script of a page. It runs twice: in the page, and in the thread of its simulator, where there is no document. */

void (typeof document === 'undefined' ? import('./thread.ts') : import('./page.ts'));
