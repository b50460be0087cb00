/** The largest gateway of the shared data: 5,556 rules. */
import { existsSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { sharedPath } from '../../test/support/shared.ts';

const path =
  'corpus/gateway/net-network__configs_chair_for_Network_Architectures_and_Services__iptables-save-2016-06-27_16-29-01.gz';

/** Its text; undefined where the shared data is not there. */
export function largeDump(): string | undefined {
  const file = sharedPath(...path.split('/'));
  return existsSync(file) ? gunzipSync(readFileSync(file)).toString('latin1') : undefined;
}
