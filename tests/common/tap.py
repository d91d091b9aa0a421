# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs unittest cases and prints TAP."""

import signal
import sys
import unittest


class TapResult(unittest.TestResult):
    def __init__(self):
        super().__init__()
        self.n_told = 0

    def tell(self, verdict, test, directive=''):
        self.n_told += 1
        print(f'{verdict} {self.n_told} - {test.id().removeprefix("__main__.")}{directive}',
              flush=True)

    def addSuccess(self, test):
        super().addSuccess(test)
        self.tell('ok', test)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.tell('ok', test, f' # SKIP {reason}')

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.tell_why(test, err)

    def addError(self, test, err):
        super().addError(test, err)
        self.tell_why(test, err)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.tell_why(subtest, err)

    def tell_why(self, test, err):
        self.tell('not ok', test)
        for line in self._exc_info_to_string(err, test).splitlines():
            print('# ' + line)
        evidence = getattr(test, 'evidence', list)
        for what, text in evidence():
            print(f'# --- {what}')
            for line in text.splitlines():
                print('#   ' + line)
        sys.stdout.flush()


def figure(what, found):
    """Tells of something measured: contrib/test --soak gathers these lines into a table."""
    print(f'# figure: | {what} | {found} |', flush=True)


def end_tidily(number, _frame):
    """Lets the cleanups run, which end the peers, when somebody ends the test."""
    raise KeyboardInterrupt(f'signal {number}')


def main():
    """As unittest.main(), with names of tests as arguments or none."""
    signal.signal(signal.SIGTERM, end_tidily)
    names = sys.argv[1:]
    loader = unittest.defaultTestLoader
    module = sys.modules['__main__']
    suite = (loader.loadTestsFromNames(names, module) if names
             else loader.loadTestsFromModule(module))
    result = TapResult()
    suite.run(result)
    # Last, because a test with several failing parts tells each of them.
    print(f'1..{max(result.n_told, suite.countTestCases())}', flush=True)
    sys.stdout.flush()
    sys.exit(not result.wasSuccessful())
