/**
 * The way in for those who ask about all packets: what is open, which packets end how, who reaches whom, and which
 * rules are dead while somebody edits them.
 */

export type { Decider } from './analysis/deciders.ts';
export { type AnswerEdits, answerEdits, type EditsOptions } from './analysis/edits.ts';
export type { ExposedService, Service, ServicePiece } from './analysis/exposed-services.ts';
export {
  type ExposureOptions,
  type ExposureResult,
  exposureOf,
  type FamilyExposure,
  type InterfaceExposure,
} from './analysis/exposure.ts';
export type { ExposureRow, ExposureSection } from './analysis/exposure-sections.ts';
export { type InterfaceRange, readInterfaceRanges } from './analysis/interface-ranges.ts';
export {
  type AddressClass,
  type FamilyMatrix,
  type MatrixOptions,
  type MatrixResult,
  matrixOf,
  type Openness,
} from './analysis/matrix.ts';
export {
  type Aspect,
  acceptedFates,
  type FamilyAnswer,
  type QueryOptions,
  type QueryResult,
  type QueryRow,
  queryMachine,
  type Way,
} from './analysis/query.ts';
export { destinationWords, type ShortQuestion, sourceWords } from './analysis/short-questions.ts';
export {
  type FamilySpoof,
  type InterfaceSpoof,
  type SpoofedPackets,
  type SpoofOptions,
  type SpoofResult,
  spoofOf,
} from './analysis/spoof.ts';
export type { WalkedWitness } from './analysis/witness-walk.ts';
export { parseProtocol, protocolName } from './net/protocols.ts';
export { parsePort } from './net/services.ts';
export { defaultRegistry } from './registry.ts';
