"""The table of ways in docs/mta.md, made of what `listward mta MTA --list` says.

python3 tests/lib/ways.py BINARY   writes it anew
"""
import json
import os
import subprocess
import sys
import tempfile

PAGE = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), 'docs', 'mta.md')
MTAS = {'postfix': 'Postfix', 'exim': 'Exim', 'sendmail': 'Sendmail'}
BEGIN, END = '<!-- ways -->\n', '<!-- end of ways -->\n'


def rows_of(binary, mta):
    with tempfile.NamedTemporaryFile(suffix='.conf') as config:
        done = subprocess.run([binary, '--config', config.name, 'mta', mta, '--list', '--json'], capture_output=True, check=True, timeout=60)
    return json.loads(done.stdout)


def table(binary):
    lines = []
    for mta, title in MTAS.items():
        lines += [f'### {title}', '', f'| `listward mta {mta} --setup` | for | sees | can refuse | what the author sees |', '|---|---|---|---|---|']
        for row in rows_of(binary, mta):
            name = f'**{row["setup"]}**' if row['recommended'] else row['setup']
            lines.append('| ' + ' | '.join((name, row['doc'], row['sees'], row['refuses'], row['author'])) + ' |')
        lines.append('')
    return BEGIN + '\n'.join(lines) + END


def in_page():
    with open(PAGE, encoding='utf-8') as file:
        text = file.read()
    return text[text.index(BEGIN):text.index(END) + len(END)]


def main():
    with open(PAGE, encoding='utf-8') as file:
        text = file.read()
    text = text.replace(in_page(), table(sys.argv[1]))
    with open(PAGE, 'w', encoding='utf-8') as file:
        file.write(text)


if __name__ == '__main__':
    main()
