import base64
import hashlib
import unittest

from lib import dkim

FIELD = b'DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=one;\r\n h=from:subject; bh=%s;\r\n b=c2lnbmF0dXJl\r\n'


def signed(body, subject=b'hello'):
    digest = base64.b64encode(hashlib.sha256(dkim.canonical_body(body, True)).digest())
    return FIELD % digest + b'From: a@example.org\r\nSubject: ' + subject + b'\r\nTo: b@example.net\r\n\r\n' + body


class Dkim(unittest.TestCase):
    def test_body_hashes_of_the_rfc(self):
        """RFC 6376 3.4.3 and 3.4.4: the empty body."""
        for relaxed, want in (False, b'frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY='), (True, b'47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='):
            self.assertEqual(base64.b64encode(hashlib.sha256(dkim.canonical_body(b'', relaxed)).digest()), want)

    def test_canonical_forms_of_the_rfc(self):
        """RFC 6376 3.4.5"""
        self.assertEqual(dkim.canonical_field(b'A: X\r\n', True), b'a:X')
        self.assertEqual(dkim.canonical_field(b'B : Y\t\r\n\tZ  \r\n', True), b'b:Y Z')
        self.assertEqual(dkim.canonical_body(b' C \r\nD \t E\r\n\r\n\r\n', True), b' C\r\nD E\r\n')
        self.assertEqual(dkim.canonical_body(b' C \r\nD \t E\r\n\r\n\r\n', False), b' C \r\nD \t E\r\n')

    def test_what_may_change(self):
        before = signed(b'text\r\n')
        self.assertTrue(dkim.signatures(before)[0].body_holds)
        for after in before, b'Received: x\r\n' + before, before.replace(b'To: b@', b'To: c@'), before + b'\r\n', before.replace(b'hello', b' hello '):
            self.assertEqual(dkim.broken(before, after), [], after)

    def test_what_breaks(self):
        before = signed(b'text\r\n')
        for after in (before.replace(b'hello', b'[x] hello'), before.replace(b'text', b'more text'), before.replace(b'From: a@', b'From: z@'),
                      before.replace(b'h=from', b'h=to:from'), before.replace(b'DKIM-Signature', b'X-Gone'), b''):
            self.assertNotEqual(dkim.broken(before, after), [], after)

    def test_broken_before_is_no_news(self):
        before = signed(b'text\r\n').replace(b'text', b'spoilt')
        self.assertFalse(dkim.signatures(before)[0].body_holds)
        self.assertEqual(dkim.broken(before, before), [])
