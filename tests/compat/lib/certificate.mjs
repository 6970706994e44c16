// A self-signed certificate for localhost.

import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

import { tool } from './cluster/tools.mjs';

/** Makes the files in a folder; their paths. */
export function makeCertificate(folder) {
  const [key, certificate] = ['key.pem', 'certificate.pem'].map((name) => join(folder, name));
  execFileSync(tool('openssl'), ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes',
    '-keyout', key, '-out', certificate, '-days', '2', '-subj', '/CN=localhost',
    '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1',
    // What signs others may not be a server's own certificate.
    '-addext', 'basicConstraints=critical,CA:FALSE'], { stdio: 'pipe' });
  return { key, certificate };
}
