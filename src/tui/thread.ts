/** The threads' side: one question at a time, each answer as soon as it is there. */

import { setImmediate } from 'node:timers/promises';
import { type Desk, openDesk } from './beside/desk.ts';
import { createIdleMemory } from './beside/idle-memory.ts';
import type { Question, Reply } from './beside/questions.ts';
import { letScreenGoFirst } from './beside/thread-priority.ts';
import { openWalks, type Walks } from './beside/walks.ts';

export type { Question, Reply } from './beside/questions.ts';

type Asked = Extract<Question, { kind: 'ask' }>;

/** Makes what carries a question out. The first one must open the machine. */
export function serveScreen(reply: (reply: Reply) => void): (question: Question) => void {
  let desk: Desk | undefined;
  let walks: Walks | undefined;
  let rest = (): void => {};
  let latest = 0;
  /** Between two steps a newer question may come; it ends this one. */
  const answer = async (desk: Desk, { serial, draft, about }: Asked): Promise<void> => {
    reply({ kind: 'told', serial, answers: {}, last: false });
    for (const answers of desk.ask(draft, about)) {
      if (Object.keys(answers).length > 0) reply({ kind: 'told', serial, answers, last: false });
      await setImmediate();
      if (serial !== latest) return;
    }
    reply({ kind: 'told', serial, answers: {}, last: true });
  };
  return (question) => {
    switch (question.kind) {
      case 'open':
        letScreenGoFirst(question.work);
        if (question.work === 'answers') desk = openDesk(question.machine);
        else {
          walks = openWalks(question.machine);
          rest = createIdleMemory();
          reply({ kind: 'opened', opened: walks.opened });
          rest();
        }
        return;
      case 'walk': {
        const { serial, draftSerial } = question;
        if (walks) reply({ kind: 'walked', serial, result: walks.walk(question.question, draftSerial) });
        rest();
        return;
      }
      case 'print':
        if (walks) reply({ kind: 'printed', serial: question.serial, text: walks.print(question.draft) });
        rest();
        return;
      case 'ask':
        latest = question.serial;
        if (desk) void answer(desk, question);
    }
  };
}
