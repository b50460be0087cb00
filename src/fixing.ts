/** The way in for those who mend what lint has found. */

export { type ChosenFix, type FixResult, fixMachine, type LeftFix } from './lint/fixes/fix-machine.ts';
