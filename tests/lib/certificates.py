"""A test CA and what it has signed, made once below build-check/certificates with the openssl command.

    certificates.of('server').certificate, .key     certificates.ca()     certificates.context('client')
"""
import collections
import fcntl
import os
import shutil
import ssl
import subprocess
import zlib

from lib import events

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FOLDER = os.path.join(ROOT, 'build-check', 'certificates')
OURS = ('DNS:localhost', 'DNS:sink.example.net', 'DNS:mta.example.org', 'IP:127.0.0.1')
VALID, PAST = ('20260101000000Z', '21251231235959Z'), ('20200101000000Z', '20200201000000Z')

Kind = collections.namedtuple('Kind', 'names validity signer')
Pair = collections.namedtuple('Pair', 'certificate key')  # paths of PEM files

KINDS = {
    'ca': Kind((), VALID, None),
    'other-ca': Kind((), VALID, None),
    'server': Kind(OURS, VALID, 'ca'),
    'client': Kind(('DNS:lists.example.com',), VALID, 'ca'),
    'expired': Kind(OURS, PAST, 'ca'),
    'wrong-name': Kind(('DNS:elsewhere.example',), VALID, 'ca'),
    'other-signer': Kind(OURS, VALID, 'other-ca'),
    'self-signed': Kind(OURS, VALID, None),
}


def of(kind):
    """The certificate and key of this kind; all are made when the first is asked for."""
    os.makedirs(FOLDER, exist_ok=True)
    with open(os.path.join(FOLDER, 'lock'), 'w', encoding='ascii') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        folder = os.path.join(FOLDER, f'{zlib.crc32(repr(KINDS).encode()):x}')  # other kinds, another folder
        if not os.path.isdir(folder):
            make(folder)
    return Pair(os.path.join(folder, f'{kind}.pem'), os.path.join(folder, f'{kind}.key'))


def ca():
    """The path of the certificate that a client is to trust."""
    return of('ca').certificate


def make(folder):
    if not shutil.which('openssl'):
        events.skip('openssl', 'the command openssl is not here: tools/install-deps check')
    new = folder + '.new'
    shutil.rmtree(new, ignore_errors=True)
    os.makedirs(os.path.join(new, 'issued'))
    for kind in KINDS:
        sign(new, kind, *KINDS[kind])
    os.rename(new, folder)


def sign(folder, kind, names, validity, signer):
    """`openssl ca`, since it alone takes dates in the past."""
    authority = kind.endswith('ca')
    subject = kind if authority else names[0].partition(':')[2]
    extensions = ['basicConstraints = critical, CA:true', 'keyUsage = keyCertSign, cRLSign'] if authority else [
        'basicConstraints = CA:false', f'subjectAltName = {", ".join(names)}', 'extendedKeyUsage = serverAuth, clientAuth']
    write(folder, 'conf', [
        '[ca]', 'default_ca = ours', '[ours]', 'database = index', 'new_certs_dir = issued', 'serial = serial', 'rand_serial = yes', 'default_md = sha256',
        'policy = any', 'unique_subject = no', '[any]', 'commonName = supplied', '[req]', 'distinguished_name = name', 'prompt = no', '[name]', f'CN = {subject}',
        '[extensions]', 'subjectKeyIdentifier = hash', *extensions])
    write(folder, 'index', [])

    def openssl(*words):
        done = subprocess.run(['openssl', *words], cwd=folder, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
        if done.returncode:
            raise AssertionError(f'openssl {" ".join(words)}: {done.stderr}')
    openssl('req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-config', 'conf', '-keyout', f'{kind}.key', '-out', 'request')
    by = ['-cert', f'{signer}.pem', '-keyfile', f'{signer}.key'] if signer else ['-selfsign', '-keyfile', f'{kind}.key']
    openssl('ca', '-batch', '-notext', '-config', 'conf', '-extensions', 'extensions', '-startdate', validity[0], '-enddate', validity[1], *by,
            '-in', 'request', '-out', f'{kind}.pem')


def write(folder, name, lines):
    with open(os.path.join(folder, name), 'w', encoding='ascii') as file:
        file.write(''.join(line + '\n' for line in lines))


def context(client=None):
    """For a client of a test: trusts the CA, and shows the certificate of the kind `client`."""
    made = ssl.create_default_context(cafile=ca())
    if client:
        made.load_cert_chain(*of(client))
    return made
