/** The threads' side: one question at a time, each answer as soon as it is there. */

import { type Desk, openDesk } from './beside/desk.ts';
import type { Question, Reply } from './beside/questions.ts';
import { openWalks } from './beside/walks.ts';

export type { Question, Reply } from './beside/questions.ts';

/** Makes what carries a question out. The first one must open the machine. */
export function serveScreen(reply: (reply: Reply) => void): (question: Question) => void {
  let desk: Desk | undefined;
  let walks: ReturnType<typeof openWalks> | undefined;
  return (question) => {
    switch (question.kind) {
      case 'open':
        if (question.work === 'walks') walks = openWalks(question.machine);
        else desk = openDesk(question.machine);
        return;
      case 'walk': {
        const { serial, draftSerial } = question;
        const result = walks?.(question.question, draftSerial);
        if (result) reply({ kind: 'walked', serial, result });
        return;
      }
      case 'ask': {
        const { serial, draft } = question;
        for (const answers of desk?.ask(draft) ?? [])
          if (Object.keys(answers).length > 0) reply({ kind: 'told', serial, answers, last: false });
        reply({ kind: 'told', serial, answers: {}, last: true });
      }
    }
  };
}
