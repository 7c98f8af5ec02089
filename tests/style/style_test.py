"""The style of this tree; and, on small made-up trees, that each rule finds what it is for and nothing else."""
import os
import tempfile
import unittest

import rules

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def function(lines):
    return 'int\nf(void)\n{\n' + '  g();\n' * (lines - 1) + '}\n'


class ThisTree(unittest.TestCase):
    def assert_none(self, *names):
        found = [str(finding) for finding in self.findings if finding.rule in names]
        if found:
            self.fail('\n'.join(found))

    @classmethod
    def setUpClass(cls):
        cls.findings = rules.check_tree(TREE)

    def test_who_includes_whom(self):
        self.assert_none('include', 'library')

    def test_own_header_comes_first(self):
        self.assert_none('own header')

    def test_lengths(self):
        self.assert_none('function length', 'file length')

    def test_nearly_all_functions_are_short(self):
        lengths = rules.lengths_of(TREE)
        self.assertLessEqual(rules.long_share(lengths), rules.FUNCTION_LONG_SHARE, [row for row in lengths if row[0] > rules.FUNCTION_GOOD])

    def test_locks_and_threads(self):
        self.assert_none('locks')

    def test_replies_stand_in_one_table(self):
        self.assert_none('reply')

    def test_prototypes_have_comments(self):
        self.assert_none('comment')

    def test_folders_have_readmes(self):
        self.assert_none('readme')

    def test_text(self):
        self.assert_none('text', 'unfinished')

    def test_every_rule_was_asked_for(self):
        known = {'include', 'library', 'own header', 'function length', 'file length', 'locks', 'reply', 'comment', 'readme', 'text', 'unfinished'}
        self.assertLessEqual({finding.rule for finding in self.findings}, known)


class MadeUpTrees(unittest.TestCase):
    rows = [  # name, files, the rule that hits; None: all is well
        ('allowed include', {'src/list/a.c': '#include "store/store.h"\n'}, None),
        ('own folder', {'src/list/a.c': '#include "list/b.h"\n'}, None),
        ('upward include', {'src/store/a.c': '#include "list/b.h"\n'}, 'include'),
        ('include in a header', {'src/message/a.h': '#include "envelope/b.h"\n'}, 'include'),
        ('include in a test', {'src/message/a_test.c': '#include "queue/b.h"\n'}, 'include'),
        ('cli wants the door', {'src/cli/a.c': '#include "door/b.h"\n'}, 'include'),
        ('server takes all', {'src/server/a.c': '#include "door/b.h"\n#include "cli/c.h"\n'}, None),
        ('surfaces keep apart', {'src/web/a.c': '#include "rest/b.h"\n'}, 'include'),
        ('no path from src', {'src/list/a.c': '#include "b.h"\n'}, 'include'),
        ('folder outside the table', {'src/misc/a.c': 'int a;\n'}, 'include'),
        ('sqlite at home', {'src/store/a.c': '#include <sqlite3.h>\n'}, None),
        ('sqlite abroad', {'src/list/a.c': '#include <sqlite3.h>\n'}, 'library'),
        ('libpq abroad', {'src/queue/a.c': '#include <libpq-fe.h>\n'}, 'library'),
        ('microhttpd abroad', {'src/cli/a.c': '#include <microhttpd.h>\n'}, 'library'),
        ('own header second', {'src/base/a.h': '#pragma once\n', 'src/base/a.c': '#include "base/b.h"\n#include "base/a.h"\n'}, 'own header'),
        ('own header first', {'src/base/a.h': '#pragma once\n', 'src/base/a.c': '#include "base/a.h"\n#include "base/b.h"\n'}, None),
        ('function of 100 lines', {'src/base/a.c': function(100)}, None),
        ('function of 101 lines', {'src/base/a.c': function(101)}, 'function length'),
        ('file of 1,000 lines', {'src/base/a.c': 'int a;\n' * 1000}, None),
        ('file of 1,001 lines', {'src/base/a.c': 'int a;\n' * 1001}, 'file length'),
        ('GLib mutex', {'src/base/a.c': 'static GMutex lock;\n'}, 'locks'),
        ('GLib thread', {'src/base/a.c': '  g_thread_new("x", f, NULL);\n'}, 'locks'),
        ('GLib queue of threads', {'src/base/a_test.c': '  g_async_queue_pop(q);\n'}, 'locks'),
        ('GLib once', {'src/base/a.c': '  if (g_once_init_enter(&x))\n'}, 'locks'),
        ('plain GLib', {'src/base/a.c': '  g_string_append(line, "x");\n'}, None),
        ('reply', {'src/door/a.c': '  send("550 5.1.1 no");\n'}, 'reply'),
        ('reply of several lines', {'src/door/a.c': '  send("250-PIPELINING");\n'}, 'reply'),
        ('reply in a test', {'src/door/a_test.c': '  send("550 5.1.1 no");\n'}, None),
        ('reply in its table', {'src/base/reply.c': '  send("550 5.1.1 no");\n'}, None),
        ('number that is no reply', {'src/door/a.c': '  send("2500 items");\n'}, None),
        ('prototype with comment', {'src/base/a.h': '/* Adds. */\nint a_add(int a);\n'}, None),
        ('prototype without', {'src/base/a.h': 'int a_add(int a);\n'}, 'comment'),
        ('two under one comment', {'src/base/a.h': '/* Add, take. */\nint a_add(int a);\nint a_take(int a);\n'}, None),
        ('blank line parts', {'src/base/a.h': '/* Adds. */\nint a_add(int a);\n\nint a_take(int a);\n'}, 'comment'),
        ('long prototype', {'src/base/a.h': 'enum res\na_add(int a,\n      int b)\n  G_GNUC_WARN_UNUSED_RESULT;\n'}, 'comment'),
        ('comment at the end', {'src/base/a.h': 'int a_add(int a); /* adds */\n'}, None),
        ('comment of a struct', {'src/base/a.h': '/* A thing. */\nstruct a {\n  int b;\n};\nint a_add(int a);\n'}, 'comment'),
        ('free function', {'src/base/a.h': 'void a_free(struct a *a);\n'}, None),
        ('inline function', {'src/base/a.h': 'static inline int\na_add(int a)\n{\n  return a;\n}\n'}, None),
        ('macro', {'src/base/a.h': '#define A(x) f(x)\nOWN_DEFINE(a, a_free)\n'}, None),
        ('no README', {'src/list/a.c': 'int a;\n', 'src/list/README.md': None}, 'readme'),
        ('no last line end', {'src/base/a.c': 'int a;'}, 'text'),
        ('trailing blank', {'src/base/a.c': 'int a; \n'}, 'text'),
        ('CRLF', {'docs/a.md': 'text\r\n'}, 'text'),
        ('unfinished', {'src/base/a.c': '/* TO' 'DO: more */\n'}, 'unfinished'),
        ('unfinished doc', {'docs/a.md': 'FIX' 'ME\n'}, 'unfinished'),
        ('seeds are free', {'tests/fuzz/x/a.txt': 'X' 'XX \r\n'}, None),
        ('build folders are free', {'build-check/a.c': 'int a; '}, None),
    ]

    def check(self, files):
        with tempfile.TemporaryDirectory() as tree:
            for path in list(files):
                if path.startswith('src/'):
                    files = {os.path.dirname(path) + '/README.md': 'What it is for.\n', **files}
            for path, text in files.items():
                if text is not None:
                    os.makedirs(os.path.join(tree, os.path.dirname(path)), exist_ok=True)
                    with open(os.path.join(tree, path), 'w', encoding='utf-8', newline='') as file:
                        file.write(text)
            return rules.check_tree(tree)

    def test_rows(self):
        for name, files, rule in self.rows:
            with self.subTest(name):
                self.assertEqual({finding.rule for finding in self.check(files)}, {rule} if rule else set())

    def test_names_the_function(self):
        self.assertIn('f has 150 lines', self.check({'src/base/a.c': function(150)})[0].text)

    def test_share_of_long_functions(self):
        with tempfile.TemporaryDirectory() as tree:
            os.makedirs(os.path.join(tree, 'src/base'))
            with open(os.path.join(tree, 'src/base/a.c'), 'w', encoding='utf-8') as file:
                file.write(function(61) + function(60) * 3)
            self.assertEqual(rules.long_share(rules.lengths_of(tree)), 0.25)


if __name__ == '__main__':
    unittest.main()
