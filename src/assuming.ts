/** The way in for those who take facts of a machine for known: `--assume`. */

export { type Assumption, contradiction, isAssumptionError, parseAssumption } from './context/assume.ts';
