/** The thread's side: one question at a time, each answer as soon as it is there. */

import { type Desk, openDesk } from './beside/desk.ts';
import type { Question, Reply } from './beside/questions.ts';

export type { Question, Reply } from './beside/questions.ts';

/** Makes what carries a question out. The first one must open the machine. */
export function serveScreen(reply: (reply: Reply) => void): (question: Question) => void {
  let desk: Desk | undefined;
  return (question) => {
    if (question.kind === 'open') {
      desk = openDesk(question.machine);
      return;
    }
    const { serial, draft } = question;
    for (const answers of desk?.ask(draft) ?? [])
      if (Object.keys(answers).length > 0) reply({ serial, answers, last: false });
    reply({ serial, answers: {}, last: true });
  };
}
