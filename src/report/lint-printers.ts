/** The forms for programs and for other media, in one piece that is loaded when one of them is asked for. */

export { printLintConcise } from './lint-concise.ts';
export { printLintGithub } from './lint-github.ts';
export { printLintGitlab } from './lint-gitlab.ts';
export { printLintJson, printLintJsonLines } from './lint-json.ts';
export { printLintMarkdown } from './lint-markdown.ts';
export { printLintSarif } from './lint-sarif.ts';
export { printSilence } from './lint-silence.ts';
export { printLintCheckstyle, printLintJunit } from './lint-xml.ts';
