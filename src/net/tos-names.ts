/** Symbolic values of the TOS byte. */

/**
 * Source: iptables extensions/tos_values.c; seen with 1.8.9.
 */
export const tosNames: Readonly<Record<string, number>> = {
  'Minimize-Delay': 0x10,
  'Maximize-Throughput': 0x08,
  'Maximize-Reliability': 0x04,
  'Minimize-Cost': 0x02,
  'Normal-Service': 0x00,
};

/** The mask that goes with a symbolic value: the upper two bits do not count. */
export const tosNameMask = 0x3f;

/** The value of a symbolic name, whole and in any case. */
export function parseTosName(text: string): number | undefined {
  const lower = text.toLowerCase();
  const name = Object.keys(tosNames).find((n) => n.toLowerCase() === lower);
  return name === undefined ? undefined : tosNames[name];
}
