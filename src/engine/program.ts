/** Rulesets made ready for walking. */
export interface Program {
  readonly kind: 'program';
}
