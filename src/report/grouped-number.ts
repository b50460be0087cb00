/** A whole number with a blank between thousands: `1 234 567`. */
export function groupedNumber(n: number): string {
  return n.toLocaleString('en-US').replaceAll(',', ' ');
}
