#!/usr/bin/env python3
"""The templates in scripts/ci: valid YAML; each command line of the toolkit in them has only
options that the built program knows, with their values; the number of slices is named once. Then
all lines run as they would on so many machines, with three small tests.
Usage: ci_templates_test.py SOURCE_ROOT TOOLS_DIR
"""
import os
import re
import shlex
import subprocess
import sys
import tempfile

try:
    import yaml
except ImportError:
    print('skipped: no python3-yaml')
    sys.exit(77)


def strings(node):
    if isinstance(node, dict):
        node = list(node.values())
    if isinstance(node, list):
        return [text for part in node for text in strings(part)]
    return [node] if isinstance(node, str) else []


def commands(tree):
    """The command lines of the toolkit: lists of words, without what the shell makes of them."""
    for text in strings(tree):
        for line in text.splitlines():
            words = shlex.split(line, comments=True)
            while words:
                ends = [i for i, word in enumerate(words) if word in ('||', '&&', '|', ';')]
                end = ends[0] if ends else len(words)
                command, words = words[:end], words[end + 1:]
                if command and command[0].startswith('qt-'):
                    yield command


def known_options(program):
    """Each option, and whether it has a value."""
    text = subprocess.run([program, '--options'], check=True, capture_output=True, text=True).stdout
    options = {}
    for line in text.splitlines():
        forms, argument, _ = line.split('\t', 2)
        options.update({form: bool(argument) for form in forms.split()})
    return options


def command_mistakes(command, tools):
    program = os.path.join(tools, command[0])
    if not os.access(program, os.X_OK):
        return [f'{command[0]}: no such program']
    options, mistakes, words = known_options(program), [], command[1:]
    while words:
        word = words.pop(0)
        if word.startswith('-') and word not in options:
            mistakes.append(f'{command[0]}: no option {word}')
        elif options.get(word) and (not words or words.pop(0).startswith('-')):
            mistakes.append(f'{command[0]}: {word} without a value')
    return mistakes


def slice_mistakes(tree, found):
    """A literal number beside --slice, or none of the places that name how many there are."""
    jobs = [job for job in (tree.get('jobs') or tree).values() if isinstance(job, dict)]
    lists = [job['strategy']['matrix']['slice'] for job in jobs if 'strategy' in job]
    numbers = [list(range(1, job['parallel'] + 1)) for job in jobs if 'parallel' in job] + lists
    mistakes = []
    if len(numbers) != 1 or numbers[0] != list(range(1, len(numbers[0]) + 1)):
        mistakes.append(f'the number of slices is to be named once, from 1: {numbers}')
    values = [words[words.index('--slice') + 1] for words in found if '--slice' in words[:-1]]
    values += [job['env']['SLICE'] for job in jobs if 'SLICE' in job.get('env', {})]
    mistakes += [f'--slice {value}: a number' for value in values if re.search('[0-9]', value)]
    programs = sorted(words[0] for words in found if '--slice' in words)
    if programs != ['qt-fetch', 'qt-tap']:
        mistakes.append(f'--slice is for qt-fetch and qt-tap, once each: {programs}')
    return mistakes


def mistakes_of(text, tools):
    try:
        tree = yaml.safe_load(text)
    except yaml.YAMLError as error:
        return [f'no YAML: {error}']
    found = list(commands(tree))
    mistakes = [mistake for command in found for mistake in command_mistakes(command, tools)]
    if not any(words[0] == 'qt-report' and {'--junit', '--html'} <= set(words) for words in found):
        mistakes.append('no qt-report with --junit and --html')
    return mistakes + slice_mistakes(tree, found)


def lines_of(job):
    """What the machines of the job do, a text for each shell."""
    return job.get('script') or [step['run'] for step in job['steps'] if 'run' in step]


def run_mistakes(text, tools):
    """Runs the templates' lines as their machines would: all slices, then the report."""
    tree = yaml.safe_load(text)
    jobs = tree.get('jobs') or tree
    with tempfile.TemporaryDirectory() as work:
        os.makedirs(f'{work}/tests/functional/arm')
        for name in ('one', 'two', 'three'):
            with open(f'{work}/tests/functional/arm/{name}.toml', 'w', encoding='utf-8') as file:
                file.write('[test.a]\nsteps = [{ run = ["true"] }]\n')
        environment = dict(os.environ, PATH=f'{tools}:{os.environ["PATH"]}', CI_NODE_TOTAL='4')
        for number in range(1, 5):
            environment.update(CI_NODE_INDEX=str(number), SLICE=f'{number}/4',
                               QEMU_TEST_CACHE_DIR=f'{work}/payloads')
            lines = lines_of(jobs['functional']) + (lines_of(jobs['report']) if number == 4 else [])
            for line in lines:
                ran = subprocess.run(['sh', '-ec', line], cwd=work, env=environment, text=True,
                                     stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
                if ran.returncode != 0:
                    return [f'slice {number}/4: {line}: status {ran.returncode}: {ran.stdout}']
        with open(f'{work}/junit.xml', encoding='utf-8') as file:
            passed = len(re.findall('<testcase ', file.read()))
        files = [name for name in ('report.html', 'durations') if os.path.exists(f'{work}/{name}')]
        if passed == 3 and len(files) == 2:
            return []
        return [f'{passed} subtests of 3 are in the report, whose other files are {files}']


def main(root, tools):
    failed = False
    # For each template what makes it wrong: text, other text, what is to be said of it.
    planted = [
        ('--output results', '--outptu results', 'qt-tap: no option --outptu'),
        ('--html report.html', '--html', 'qt-report: --html without a value'),
        ('qt-tap --slice', 'qt-top --slice', 'qt-top: no such program'),
        ('--junit junit.xml', '', 'no qt-report with --junit and --html'),
        ('qt-fetch --slice', 'qt-fetch --slice 1/4 --slice', 'a number'),
        ('parallel: 4', 'timeout: 1h', 'the number of slices'),
        ('[1, 2, 3, 4]', '[1, 2, 4]', 'the number of slices'),
        ('script:', 'script: [', 'no YAML'),
        ('steps:', 'steps: [', 'no YAML'),
    ]
    used = set()
    for name in ('gitlab.yml', 'github.yml'):
        with open(os.path.join(root, 'scripts/ci', name), encoding='utf-8') as file:
            text = file.read()
        for mistake in mistakes_of(text, tools) or run_mistakes(text, tools):
            failed = True
            print(f'scripts/ci/{name}: {mistake}')
        for right, wrong, expected in planted:
            if right in text:
                used.add(expected + right)
                said = mistakes_of(text.replace(right, wrong), tools)
                if not any(expected in mistake for mistake in said):
                    failed = True
                    print(f'{name}: {wrong!r} for {right!r}: not found: {expected}; said: {said}')
    for right, _, expected in planted:
        if expected + right not in used:
            failed = True
            print(f'no template has {right!r}: nothing was planted there')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:3]))
